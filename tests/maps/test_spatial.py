"""Rows by geometry: Esri's relations by hand, every one of them and distances against PostGIS."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely import LineString, MultiPoint, MultiPolygon, Point, Polygon, box

from gpserver.errors import InvalidRequest
from gpserver.features import Layer, write_layer
from gpserver.maps.spatial import rows_by_geometry

PREFIX = "esriSpatialRel"
SQL = {
    "Intersects": "ST_Intersects(%(query)s::geometry, geom)",
    "Contains": "ST_Contains(%(query)s::geometry, geom)",
    "Crosses": "ST_Crosses(%(query)s::geometry, geom)",
    "Overlaps": "ST_Overlaps(%(query)s::geometry, geom)",
    "Touches": "ST_Touches(%(query)s::geometry, geom)",
    "Within": "ST_Within(%(query)s::geometry, geom)",
    "EnvelopeIntersects": "%(query)s::geometry && geom",
    "IndexIntersects": "%(query)s::geometry && geom",
    "Relation": "ST_Relate(%(query)s::geometry, geom, %(pattern)s)",
}
PATTERNS = ("T********", "FF*FF****", "FFFTTT***", "T*F**F***", "****1****", "FT*******", "*********")


@pytest.fixture
def layer_of(tmp_path):
    """Stores geometries, OBJECTID from 1, and gives the layer."""

    def store(geometries, crs=None):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.arrow"
        write_layer(gpd.GeoDataFrame(geometry=list(geometries), crs=crs), path)
        return Layer.open(path)

    return store


def ids(layer, geometry, relation="Intersects", **options):
    rows = rows_by_geometry(layer, geometry, PREFIX + relation, **options)
    assert (np.diff(rows) > 0).all()
    return sorted(layer.object_ids[rows].tolist())


SQUARES = [box(0, 0, 4, 4), box(1, 1, 2, 2), box(4, 0, 6, 4), box(3, 3, 5, 5), box(8, 8, 9, 9)]


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("Intersects", [1, 2, 3, 4]),
        ("Contains", [1, 2]),
        ("Within", [1]),
        ("Touches", [3]),
        ("Overlaps", [4]),
        ("Crosses", []),
        ("EnvelopeIntersects", [1, 2, 3, 4]),
        ("IndexIntersects", [1, 2, 3, 4]),
    ],
)
def test_the_query_comes_first_in_every_relation(layer_of, relation, expected):
    assert ids(layer_of(SQUARES), box(0, 0, 4, 4), relation) == expected


def test_contains_finds_what_lies_inside_and_within_what_lies_around(layer_of):
    layer = layer_of([box(0, 0, 10, 10), box(4, 4, 6, 6)])
    assert ids(layer, box(3, 3, 7, 7), "Contains") == [2]
    assert ids(layer, box(3, 3, 7, 7), "Within") == [1]


def test_points_on_the_border_are_not_contained(layer_of):
    layer = layer_of([Point(0, 0), Point(1, 0), Point(1, 1), Point(3, 1)])
    assert ids(layer, box(0, 0, 2, 2)) == [1, 2, 3]
    assert ids(layer, box(0, 0, 2, 2), "Contains") == [3]
    assert ids(layer, box(0, 0, 2, 2), "Touches") == [1, 2]


def test_a_line_along_the_side_of_a_window_is_not_contained(layer_of):
    layer = layer_of([LineString([(0, 0), (0, 2)]), LineString([(0, 0), (1, 1)])])
    assert ids(layer, box(0, 0, 4, 4), "Contains") == [2]


def test_missing_geometries_are_in_no_relation(layer_of):
    layer = layer_of([Point(1, 1), None, Point(9, 9)])
    assert ids(layer, box(0, 0, 2, 2)) == [1]
    assert ids(layer, box(0, 0, 2, 2), "Relation", relation_param="*********") == [1, 3]
    assert ids(layer, Point(1, 1), distance=3) == [1]


def test_an_empty_geometry_finds_nothing(layer_of):
    assert ids(layer_of(SQUARES), Polygon()) == []
    assert ids(layer_of(SQUARES), Polygon(), distance=5) == []


def test_only_among_given_rows(layer_of):
    layer = layer_of(SQUARES)
    assert ids(layer, box(0, 0, 4, 4), among=np.array([1, 4])) == [2]
    assert ids(layer, box(0, 0, 4, 4), among=np.array([], int)) == []
    assert ids(layer, Point(1.5, 1.5), distance=1, among=np.array([1, 4])) == [2]


@pytest.mark.parametrize("relation", [*SQL])
def test_rings_that_cross_themselves_do_no_harm(layer_of, relation):
    bow = Polygon([(0, 0), (4, 4), (4, 0), (0, 4), (0, 0)])
    spike = Polygon([(0, 0), (5, 0), (9, 0), (5, 0), (5, 5), (0, 0)])
    layer = layer_of([bow, spike, box(1, 1, 2, 2)])
    for query in (box(1, 1, 3, 3), bow.buffer(0), LineString([(0, 0), (9, 9)]), Point(2, 2)):
        assert set(ids(layer, query, relation, relation_param="T********")) <= {1, 2, 3}


def test_z_and_m_play_no_part(layer_of):
    lines = shapely.from_wkt(["LINESTRING ZM (0 0 5 1, 2 2 5 2)", "LINESTRING ZM (5 5 5 1, 6 6 5 2)"])
    assert ids(layer_of(lines), LineString([(0, 2), (2, 0)]), "Crosses") == [1]


@pytest.mark.parametrize(
    ("relation", "pattern", "text"),
    [
        (
            "Nearby",
            "",
            "'spatialRel' parameter is invalid: 'esriSpatialRelNearby' is not one of esriSpatialRelI",
        ),
        ("Relation", "", "'relationParam' parameter is invalid: '' is not nine of T, F"),
        ("Relation", "TTTTTTTTX", "'relationParam' parameter is invalid"),
    ],
)
def test_unknown_relations_are_refused(layer_of, relation, pattern, text):
    with pytest.raises(InvalidRequest, match=text):
        ids(layer_of(SQUARES), Point(0, 0), relation, relation_param=pattern)


# Against PostGIS: all coordinates are small whole numbers, so that shapes often touch, and both are exact.


def random_points(random, count):
    return list(shapely.points(random.integers(0, 24, (count, 2))))


def random_lines(random, count):
    lines = []
    for _ in range(count):
        steps = random.integers(-3, 4, (random.integers(1, 5), 2))
        steps = steps[np.any(steps != 0, axis=1)]
        line = LineString(
            np.cumsum([random.integers(0, 24, 2), *(steps if len(steps) else [(1, 1)])], axis=0)
        )
        lines.append(
            line if random.random() < 0.8 else shapely.union(line, shapely.affinity.translate(line, 9))
        )
    return lines


def random_polygons(random, count):
    polygons = []
    for _ in range(count):
        x, y = random.integers(0, 22, 2)
        width, height = random.integers(1, 7, 2)
        outer = box(x, y, x + width, y + height)
        kind = random.integers(0, 4)
        if kind == 1:
            outer = Polygon([(x, y), (x + width, y), (x, y + height)])
        elif kind == 2 and min(width, height) > 2:
            outer = outer - box(x + 1, y + 1, x + width - 1, y + height - 1)
        elif kind == 3:
            outer = MultiPolygon([outer, box(x + width + 1, y, x + width + 3, y + 2)])
        polygons.append(outer)
    return polygons


def random_queries(random, kind, count):
    if kind == "point":
        return random_points(random, count)
    if kind == "multipoint":
        return random_multipoints(random, count)
    if kind == "line":
        return random_lines(random, count)
    if kind == "envelope":
        corners = random.integers(0, 20, (count, 2))
        return [box(*corner, *(corner + random.integers(1, 9, 2))) for corner in corners]
    return random_polygons(random, count)


def random_multipoints(random, count):
    return [MultiPoint(random.integers(0, 24, (random.integers(1, 5), 2))) for _ in range(count)]


FEATURES = {
    "points": random_points,
    "multipoints": random_multipoints,
    "lines": random_lines,
    "polygons": random_polygons,
}
QUERIES = ("point", "multipoint", "line", "polygon", "envelope")


def fill(postgis, geometries, kind="geometry"):
    """A table of the geometries, and a function that gives the ids of a condition."""
    postgis.execute(f"DROP TABLE IF EXISTS shapes; CREATE TABLE shapes (id int, geom {kind})")
    with postgis.cursor() as cursor:
        rows = [(number, shape.wkb_hex) for number, shape in enumerate(geometries, 1)]
        cursor.executemany(f"INSERT INTO shapes VALUES (%s, %s::geometry::{kind})", rows)

    def select(condition, **values):
        found = postgis.execute(f"SELECT id FROM shapes WHERE {condition} ORDER BY id", values)
        return [row[0] for row in found]

    return select


@pytest.mark.parametrize("features", FEATURES)
def test_every_relation_finds_what_postgis_finds(layer_of, postgis, features):
    random = np.random.default_rng(len(features))
    shapes = FEATURES[features](random, 600)
    layer, select = layer_of(shapes), fill(postgis, shapes)
    found = 0
    for kind in QUERIES:
        for relation, condition in SQL.items():
            for query in random_queries(random, kind, 4):
                pattern = str(random.choice(PATTERNS))
                ours = ids(layer, query, relation, relation_param=pattern)
                assert ours == select(condition, query=query.wkb_hex, pattern=pattern), (
                    relation,
                    query,
                    pattern,
                )
                found += len(ours)
    assert found > 1000


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("crs", [None, "EPSG:32633", "EPSG:2263"])
def test_planar_distances_find_what_postgis_finds(layer_of, postgis, features, crs):
    foot = 1200 / 3937 if crs == "EPSG:2263" else 1.0
    random = np.random.default_rng(7)
    shapes = FEATURES[features](random, 600)
    layer, select = layer_of(shapes, crs), fill(postgis, shapes)
    for kind in QUERIES:
        for query in random_queries(random, kind, 4):
            reach = float(random.uniform(0.3, 5))
            ours = ids(layer, query, distance=reach * foot)
            assert ours == select(
                "ST_DWithin(%(query)s::geometry, geom, %(reach)s)", query=query.wkb_hex, reach=reach
            )


def spread(shapes, random, scale):
    """The same shapes in degrees, each about a place of its own."""
    return [
        shapely.affinity.translate(shapely.affinity.scale(shape, scale, scale, origin=(0, 0)), x, y)
        for shape, x, y in zip(
            shapes, random.uniform(5, 25, len(shapes)), random.uniform(40, 62, len(shapes)), strict=True
        )
    ]


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("crs", [4326, 3857])
def test_distances_on_the_ground_are_those_of_postgis(layer_of, postgis, features, crs):
    """Features and queries of some hundred metres, so that straight edges and geodesics are the same."""
    random = np.random.default_rng(11)
    shapes = spread(FEATURES[features](random, 600), random, 0.001)
    fill(postgis, shapes, "geography(geometry,4326)")
    layer = layer_of(gpd.GeoSeries(shapes, crs=4326).to_crs(crs), crs)
    found = 0
    for kind in QUERIES:
        queries = spread(random_queries(random, kind, 3), random, 0.001)
        for query, projected in zip(queries, gpd.GeoSeries(queries, crs=4326).to_crs(crs), strict=True):
            select = "SELECT ST_Distance(geom, %s::geometry::geography) FROM shapes ORDER BY id"
            metres = np.array(postgis.execute(select, [query.wkb_hex]).fetchall())[:, 0]
            for reach in (2_000, 30_000, 300_000):
                ours = ids(layer, projected, distance=reach)
                least, most = (np.flatnonzero(metres <= reach * share) + 1 for share in (0.9999, 1.0001))
                assert set(least) <= set(ours) <= set(most), (query, reach)
                found += len(ours)
    assert found > 500


def test_distances_from_a_point_are_geodesics(layer_of):
    random = np.random.default_rng(3)
    points = np.stack([random.uniform(-180, 180, 3000), random.uniform(-90, 90, 3000)], axis=1)
    layer = layer_of(shapely.points(points), 4326)
    for longitude, latitude in ((10, 60), (179.5, -20), (-179.9, 5), (0, 89), (30, -90), (-75, 0)):
        metres = Geod(ellps="WGS84").inv(*np.broadcast_to([longitude, latitude], (3000, 2)).T, *points.T)[2]
        for reach in (500_000, 2_000_000, 9_000_000, 15_000_000):
            expected = np.flatnonzero(metres <= reach) + 1
            assert ids(layer, Point(longitude, latitude), distance=reach) == expected.tolist(), (
                latitude,
                reach,
            )


def test_distances_go_across_180_degrees(layer_of):
    layer = layer_of(
        [box(179, 0, 180, 1), box(-180, 0, -179, 1), box(-179, 5, -178, 6), box(0, 0, 1, 1)], 4326
    )
    assert ids(layer, Point(179.9, 0.5), distance=1_000) == [1]
    assert ids(layer, Point(179.9, 0.5), distance=20_000) == [1, 2]
    assert ids(layer, LineString([(-179.99, 0), (-179.98, 0)]), distance=5_000) == [1, 2]


def test_a_polygon_all_round_the_earth_is_near_only_where_it_is(layer_of):
    """In a plane around the query its ring runs round the query, too."""
    hole = shapely.box(-40, -40, 40, 40)
    layer = layer_of([box(-180, -90, 180, 90) - hole, hole], 4326)
    assert ids(layer, Point(0, 0), distance=10_000) == [2]
    assert ids(layer, Point(39.95, 0), distance=10_000) == [1, 2]


def test_large_geometries_are_measured_piece_by_piece(layer_of):
    """Points south of the parallel of 60°, at known distances from a box whose southern side it is."""
    longitudes = np.arange(-50, 51, 5.0)
    metres = np.tile([-1, 900, 1100], 7)
    latitudes = Geod(ellps="WGS84").fwd(longitudes, np.full(21, 60.0), np.full(21, 180.0), metres)[1]
    layer = layer_of(shapely.points(longitudes, latitudes), 4326)
    assert ids(layer, box(-55, 60, 55, 75), distance=1000) == (np.flatnonzero(metres < 1000) + 1).tolist()


@pytest.mark.parametrize("crs", [None, 4326, 3857])
def test_relations_to_what_is_within_a_distance(layer_of, crs):
    frame = gpd.GeoSeries(
        [box(9.99, 50, 10.01, 50.01), box(10.02, 50, 10.5, 50.01), box(0, 40, 20, 60)], crs=4326
    )
    frame = frame.to_crs(32632) if crs is None else frame.to_crs(crs)
    layer = layer_of(frame, frame.crs)
    centre = gpd.GeoSeries([Point(10, 50)], crs=4326).to_crs(frame.crs).iloc[0]
    assert ids(layer, centre, "Contains", distance=3_000) == [1]
    assert ids(layer, centre, "Within", distance=3_000) == [3]
    assert ids(layer, centre, "Overlaps", distance=3_000) == [2]
    assert ids(layer, centre, "EnvelopeIntersects", distance=3_000) == [1, 2, 3]


def test_many_rows_in_blocks(layer_of):
    random = np.random.default_rng(9)
    corners = random.uniform(0, 100, (20_000, 2))
    squares = shapely.box(*corners.T, *(corners + 0.2).T)
    disc = Point(50, 50).buffer(40)
    assert ids(layer_of(squares), disc) == (np.flatnonzero(shapely.intersects(disc, squares)) + 1).tolist()
