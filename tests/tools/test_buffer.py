"""Buffers against what other formulas say: geodesic distance, caps of a sphere, equal-area projections."""

import logging
import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely import LineString, MultiPoint, Point, Polygon, box

from gpserver.errors import InvalidValue
from gpserver.tools.buffer import buffer
from gpserver.tools.counts import counts_of
from gpserver.tools.outline import Outline

WGS84 = Geod(ellps="WGS84")
EQUAL_AREA = "+proj=cea +ellps=WGS84"
POLYGON_OF_64 = 64 * math.sin(2 * math.pi / 64) / (2 * math.pi)
"""Area of a regular polygon of 64 corners over that of its circle: 0.99839."""


def points(*coordinates, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*zip(*coordinates, strict=True)), crs=crs)


def distances(outline, longitude, latitude, geod=WGS84):
    """Metres from a centre to every vertex."""
    x, y = shapely.get_coordinates(outline).T
    return np.asarray(geod.inv(np.full(len(x), longitude), np.full(len(x), latitude), x, y)[2])


def ground_area(geometry):
    """Square metres by an equal-area projection; densified, since the outline is straight in degrees."""
    return gpd.GeoSeries([shapely.segmentize(geometry, 0.25)], crs=4326).to_crs(EQUAL_AREA).area.iloc[0]


def cap_area(radius):
    """Closed formula for the cap of a sphere with the Earth's surface (authalic radius)."""
    sphere = 6371007.1809
    return 2 * math.pi * sphere**2 * (1 - math.cos(radius / sphere))


@pytest.mark.parametrize("radius", [0.5, 100, 10_000, 1_000_000])
def test_every_vertex_lies_at_the_distance(radius):
    centres = [(0, 0), (10.75, 59.91), (-70.5, -33.4), (151.2, -33.9), (-149.5, 61.2), (24, 70.5)]
    buffered = buffer(points(*centres), radius)
    for (longitude, latitude), outline in zip(centres, buffered.geometry, strict=True):
        assert outline.is_valid
        assert len(outline.exterior.coords) == 65
        assert outline.exterior.coords[0] == outline.exterior.coords[-1]
        np.testing.assert_allclose(distances(outline, longitude, latitude), radius, rtol=1e-6)


def test_web_mercator_measures_on_the_ground():
    centre = points((10.75, 59.91)).to_crs(3857)
    outline = buffer(centre, 5000).to_crs(4326).geometry.iloc[0]
    np.testing.assert_allclose(distances(outline, 10.75, 59.91), 5000, rtol=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:3785", "ESRI:102100", "ESRI:102113"])
def test_other_names_of_web_mercator(crs):
    x, y = points((10.75, 59.91)).to_crs(3857).geometry.iloc[0].coords[0]
    expected = buffer(points((x, y), crs=3857), 5000).geometry.iloc[0]
    assert shapely.equals_exact(buffer(points((x, y), crs=crs), 5000).geometry.iloc[0], expected, 1e-6)


def test_the_ellipsoid_is_that_of_the_spatial_reference():
    sphere = "+proj=longlat +R=6371000 +no_defs"
    outline = buffer(points((20, 50), crs=sphere), 50_000).geometry.iloc[0]
    np.testing.assert_allclose(distances(outline, 20, 50, Geod(a=6371000, b=6371000)), 50_000, rtol=1e-6)


def test_degrees_may_be_grads():
    paris = Geod(ellps="clrk80ign")
    outline = buffer(points((2, 54), crs=4807), 1000).geometry.iloc[0]
    degrees = shapely.transform(outline, lambda grads: grads * 0.9)
    np.testing.assert_allclose(distances(degrees, 1.8, 48.6, paris), 1000, rtol=1e-6)


def test_a_planar_buffer_in_utm_agrees_in_area():
    geodesic = buffer(points((15.3, 48.2)), 5000).to_crs(32633).geometry.iloc[0]
    planar = buffer(points((15.3, 48.2)).to_crs(32633), 5000).geometry.iloc[0]
    assert planar.area == pytest.approx(math.pi * 5000**2 * POLYGON_OF_64, rel=1e-6)
    assert geodesic.area == pytest.approx(planar.area, rel=1e-3)


def test_other_projections_are_measured_in_their_own_unit():
    feet = buffer(points((1_000_000, 200_000), crs=2263), 1000 * 1200 / 3937)
    assert feet.BUFF_DIST.iloc[0] == pytest.approx(1000)
    assert feet.geometry.iloc[0].area == pytest.approx(math.pi * 1000**2 * POLYGON_OF_64, rel=1e-6)


def test_no_spatial_reference_is_planar_with_a_warning(caplog):
    buffered = buffer(points((1, 2), crs=None), 10)
    assert buffered.total_bounds.tolist() == pytest.approx([-9, -8, 11, 12])
    assert [(record.levelno, "no spatial reference" in record.message) for record in caplog.records] == [
        (logging.WARNING, True)
    ]


@pytest.mark.parametrize(
    ("latitude", "radius"),
    [
        (60, 1e5),
        (89.1, 1e5),
        (89.105, 1e5),
        (90, 1e5),
        (-90, 1e6),
        (64, 3e6),
        (-10, 9.9e6),
        (10, 1.1e7),
        (0, 1.9e7),
    ],
)
@pytest.mark.parametrize("longitude", [0, -150, 179.99, 180])
def test_area_is_that_of_the_cap(longitude, latitude, radius):
    """From a circle near a pole, over one, over both, to nearly the whole Earth; across 180° or not."""
    outline = buffer(points((longitude, latitude)), radius).geometry.iloc[0]
    assert outline.is_valid
    assert box(-180, -90, 180, 90).covers(outline)
    assert ground_area(outline) == pytest.approx(cap_area(radius), rel=3e-3)


@pytest.mark.parametrize("crs", [4326, 3857])
@pytest.mark.parametrize("longitude", [179.95, -179.95, 180, -180])
def test_cut_at_the_antimeridian(longitude, crs):
    outline = buffer(points((longitude, -17)).to_crs(crs), 50_000).to_crs(4326).geometry.iloc[0]
    assert outline.geom_type == "MultiPolygon"
    assert outline.is_valid
    west, _, east, _ = outline.bounds
    assert (west, east) == pytest.approx((-180, 180), abs=1e-9)
    inside = np.abs(shapely.get_coordinates(outline)[:, 0]) < 179.999999
    on_the_circle = distances(outline, longitude, -17)[inside]
    np.testing.assert_allclose(on_the_circle, 50_000, rtol=1e-6)
    assert ground_area(outline) == pytest.approx(cap_area(50_000), rel=6e-3)


def test_a_pole_inside_is_taken_in():
    outline = buffer(points((30, 85)), 1_000_000).geometry.iloc[0]
    assert outline.covers(shapely.points([[-180, 89], [0, 90], [30, 80], [180, 90]])).all()
    assert not outline.intersects(Point(150, -89))
    assert outline.geom_type == "Polygon"


def test_web_mercator_ends_at_its_square(caplog):
    half = 20037508.342789244
    places = points((0, 80), (0, 88)).to_crs(3857)
    over_the_pole, beyond = buffer(places, [2_000_000, 1000]).geometry
    assert over_the_pole.bounds[3] == pytest.approx(half)
    assert over_the_pole.covers(Point(half, half))
    assert beyond is None
    assert "beyond the edge" in caplog.text


def test_a_radius_all_round_the_earth_gives_the_world():
    assert buffer(points((12, 34)), 20_000_000).geometry.iloc[0].equals(box(-180, -90, 180, 90))


def test_x_outside_the_world_is_brought_back():
    inside, outside = buffer(points((-160, 20), (200, 20)), 1000).geometry
    assert shapely.equals_exact(inside, outside, 1e-9)


def test_multipoints_give_the_union():
    frame = gpd.GeoDataFrame(
        geometry=[MultiPoint([(0, 0), (0.001, 0)]), Point(5, 5), MultiPoint([(1, 1), (2, 2), (3, 3)])],
        crs=4326,
    )
    near, single, far = buffer(frame, 1000).geometry
    circle = math.pi * 1000**2 * POLYGON_OF_64
    assert near.geom_type == single.geom_type == "Polygon"
    assert circle < ground_area(near) < 1.1 * circle
    assert len(far.geoms) == 3
    assert ground_area(far) == pytest.approx(3 * circle, rel=1e-3)


@pytest.mark.parametrize("crs", [4326, 3857, 32633, None])
def test_null_and_empty_geometries_stay_null(crs):
    frame = gpd.GeoDataFrame(
        {"name": list("abcd")}, geometry=[None, Point(1, 1), Point(), MultiPoint()], crs=crs
    )
    buffered = buffer(frame, 10)
    assert buffered.geometry.isna().tolist() == [True, False, True, True]
    assert buffered.name.tolist() == list("abcd")
    assert buffered.Shape_Area.isna().tolist() == [True, False, True, True]


@pytest.mark.parametrize("crs", [4326, 3857, 32633, None])
def test_no_features_give_no_features(crs):
    buffered = buffer(gpd.GeoDataFrame({"name": []}, geometry=[], crs=crs), 10)
    assert buffered.columns.tolist() == ["name", "geometry", "BUFF_DIST", "Shape_Length", "Shape_Area"]
    assert (len(buffered), buffered.crs) == (0, gpd.GeoSeries([], crs=crs).crs)


@pytest.mark.parametrize("crs", [4326, 3857, 32633])
@pytest.mark.parametrize("nowhere", [(math.nan, math.nan), (math.inf, 1), (1, math.nan)])
def test_a_point_that_is_nowhere_has_no_buffer(crs, nowhere, caplog):
    frame = gpd.GeoDataFrame(
        geometry=[Point(1, 1), Point(nowhere), MultiPoint([nowhere, (2, 2)]), Point(nowhere)], crs=crs
    )
    assert buffer(frame, 10).geometry.isna().tolist() == [False, True, False, True]
    assert "2 of 4 features have no buffer" in caplog.text


def test_z_is_dropped():
    frame = gpd.GeoDataFrame(geometry=[Point(1, 1, 9), MultiPoint([(0, 0, 1), (1, 1, 2)])], crs=4326)
    assert not buffer(frame, 10).geometry.has_z.any()
    assert not buffer(frame.to_crs(32633), 10).geometry.has_z.any()


def test_fields_are_added_and_replace_their_namesakes():
    frame = points((10, 50), (11, 51), shape_area=["x", "y"], name=["a", "b"], BUFF_DIST=[-1, -1])
    frame.index = [7, 3]
    buffered = buffer(frame.rename_geometry("shape"), 2500)
    assert buffered.columns.tolist() == ["name", "shape", "BUFF_DIST", "Shape_Length", "Shape_Area"]
    assert buffered.index.tolist() == [7, 3]
    assert buffered.BUFF_DIST.tolist() == [2500, 2500]
    assert buffered.Shape_Area.tolist() == buffered.geometry.apply(lambda outline: outline.area).tolist()
    assert buffered.Shape_Length.tolist() == buffered.geometry.apply(lambda outline: outline.length).tolist()
    assert frame.columns.tolist() == ["shape_area", "name", "BUFF_DIST", "geometry"]


def test_a_distance_for_each_feature():
    buffered = buffer(points((0, 0), (0, 50)), [1000, 2000])
    assert buffered.BUFF_DIST.tolist() == [1000, 2000]
    for latitude, radius, outline in zip((0, 50), (1000, 2000), buffered.geometry, strict=True):
        np.testing.assert_allclose(distances(outline, 0, latitude), radius, rtol=1e-6)


@pytest.mark.parametrize("wrong", [0, math.nan, math.inf, [1, math.inf]])
def test_a_distance_is_a_number_other_than_zero(wrong):
    with pytest.raises(InvalidValue, match="other than 0"):
        buffer(points((0, 0), (1, 1)), wrong)


def test_features_without_a_distance_have_no_buffer(caplog):
    found = buffer(points((0, 0), (1, 1), (2, 2)), [10, 0, math.nan])
    assert found.geometry.isna().tolist() == [False, True, True]
    assert counts_of(found) == (3, 3, 2)
    assert "2 of 3 features have no buffer" in caplog.text


def test_swapped_coordinates_are_named():
    with pytest.raises(InvalidValue, match=r"1 of 2 points .* latitude 139.7.* x, y"):
        buffer(points((0, 0), (35.7, 139.7)), 10)


def test_lines_and_polygons_in_the_plane_are_what_geos_says():
    shapes = [LineString([(0, 0), (1, 1)]), Polygon([(0, 0), (1, 0), (1, 1)])]
    assert buffer(gpd.GeoDataFrame(geometry=shapes, crs=32633), 10).geometry.area.tolist() == pytest.approx(
        [shape.buffer(10, quad_segs=16).area for shape in shapes]
    )


def shapes(*geometry, crs=4326):
    return gpd.GeoDataFrame(geometry=list(geometry), crs=crs)


def gap(place, shape):
    """Metres from a place to a line or the edge of a polygon, by many points on it."""
    dense = shapely.get_coordinates(shapely.segmentize(shape, shape.length / 5_000))
    there = np.full((len(dense), 2), place)
    return WGS84.inv(*there.T, *dense.T)[2].min()


@pytest.mark.parametrize(
    "shape",
    [
        LineString([(10, 59), (10.5, 59.4), (11, 59.1)]),
        Polygon([(15, 48), (16, 48.1), (15.7, 48.6), (15.2, 48.4)]),
        LineString([(-5, 64), (5, 66)]),
        Polygon([(-4, 40), (9, 41), (8, 52), (-3, 51)]),
        LineString([(20, 70), (35, 70)]),
    ],
    ids=["small line", "small polygon", "line of 500 km", "France", "line along a parallel"],
)
@pytest.mark.parametrize("crs", [4326, 3857])
def test_the_outline_of_lines_and_polygons_lies_at_the_distance(shape, crs):
    """Edges are straight in the coordinates, so that they are dense here: to be the same in both."""
    dense = shapely.segmentize(shape, 0.05)
    outline = buffer(shapes(dense).to_crs(crs), 20_000).to_crs(4326).geometry.iloc[0]
    assert outline.is_valid
    assert outline.covers(dense)
    corners = shapely.get_coordinates(outline.exterior)
    chosen = corners[np.linspace(0, len(corners) - 1, 12).astype(int)]
    # The outline has corners of its circles and chords between them: one part in a thousand.
    assert [gap(corner, dense) for corner in chosen] == pytest.approx([20_000] * 12, rel=1.3e-3)


def test_a_line_across_180_degrees():
    outline = buffer(shapes(LineString([(179.5, -17), (180.5, -17)])), 10_000).geometry.iloc[0]
    assert outline.geom_type == "MultiPolygon"
    assert outline.bounds[0] == pytest.approx(-180)
    assert outline.bounds[2] == pytest.approx(180)
    here = buffer(shapes(LineString([(9.5, -17), (10.5, -17)])), 10_000).geometry.iloc[0]
    assert ground_area(outline) == pytest.approx(ground_area(here), rel=1e-4)


@pytest.mark.parametrize("longitude", [0, 30, 170])
def test_a_polygon_near_a_pole_takes_it_in(longitude):
    cap = shapely.box(longitude, 88, longitude + 20, 89.5)
    outline = buffer(shapes(cap), 100_000).geometry.iloc[0]
    assert outline.is_valid
    assert box(-180, -90, 180, 90).covers(outline)
    assert outline.covers(shapely.points([[-180, 89.9], [0, 90], [90, 89.8], [180, 90]])).all()
    polar = shapes(shapely.segmentize(cap, 0.1)).to_crs(3413).buffer(100_000 * 0.97)
    planar = polar.to_crs("+proj=laea +lat_0=90").area.iloc[0]
    assert ground_area(outline) == pytest.approx(planar, rel=0.01)


@pytest.mark.parametrize(
    "shape",
    [
        box(-180, -90, 180, 0),
        Polygon([(-180, -90), (-180, -75), (-60, -63), (60, -66), (180, -75), (180, -90)]),
        shapely.MultiPolygon([box(30, 50, 180, 75), box(-180, 62, -170, 70)]),
        LineString([(0, -89), (0, 89)]),
    ],
    ids=["half the world", "Antarctica", "Russia", "meridian"],
)
def test_what_is_as_wide_as_the_world(shape):
    outline = buffer(shapes(shape), 100_000).geometry.iloc[0]
    assert outline.is_valid
    assert outline.buffer(1e-6).covers(shape)
    assert box(-180, -90, 180, 90).covers(outline)


def test_ends_joins_and_sides_in_the_plane():
    frame = shapes(LineString([(0, 0), (100, 0), (100, 100)]), crs=32633)
    flat = buffer(frame, 10, outline=Outline(ends="flat", joins="mitre")).geometry.iloc[0]
    assert flat.area == pytest.approx(2 * 10 * 200)
    left = buffer(frame, 10, outline=Outline(side="left", joins="mitre")).geometry.iloc[0]
    right = buffer(frame, 10, outline=Outline(side="right", joins="mitre")).geometry.iloc[0]
    assert left.area == pytest.approx(10 * 200 - 100)
    assert right.area == pytest.approx(10 * 200 + 100)
    assert left.contains(Point(50, 5))
    assert right.contains(Point(50, -5))


def test_sides_on_the_globe():
    frame = shapes(LineString([(10, 50), (10, 51)]))
    left, right = (
        buffer(frame, 5000, outline=Outline(side=side)).geometry.iloc[0] for side in ("left", "right")
    )
    assert left.bounds[2] == pytest.approx(10, abs=1e-6)
    assert right.bounds[0] == pytest.approx(10, abs=1e-6)
    assert ground_area(left) == pytest.approx(5000 * WGS84.inv(10, 50, 10, 51)[2], rel=2e-3)


def test_points_stay_round_whatever_the_ends():
    flat = buffer(shapes(Point(0, 0), crs=32633), 10, outline=Outline(ends="flat")).geometry.iloc[0]
    assert flat.area == pytest.approx(math.pi * 100 * POLYGON_OF_64)


def test_only_lines_have_sides():
    with pytest.raises(InvalidValue, match="Only lines have a left side"):
        buffer(points((0, 0)), 10, outline=Outline(side="left"))


@pytest.mark.parametrize("crs", [4326, 32633])
def test_invalid_polygons_are_repaired(crs):
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    found = buffer(shapes(bow_tie, crs=crs), 1).geometry.iloc[0]
    assert found.is_valid
    assert found.covers(shapely.make_valid(bow_tie))


def test_blocks_of_work_are_shown():
    seen = []

    def watch(blocks):
        for number, block in enumerate(blocks, start=1):
            yield block
            seen.append(number / len(blocks))

    places = points(*np.random.default_rng(1).uniform(-80, 80, (20_000, 2)))
    buffered = buffer(places, 100, watch)
    assert seen[-1] == 1
    assert len(seen) > 1
    assert shapely.contains(buffered.geometry.array, places.geometry.array).all()


def test_what_went_in_and_out_is_counted():
    frame = gpd.GeoDataFrame(geometry=[Point(1, 1), None, Point(2, 2)], crs=4326)
    assert counts_of(buffer(frame, 10)) == (3, 3, 1)


@pytest.mark.parametrize("meters", [50, 5_000, 100_000])
def test_postgis_measures_the_distance_to_the_outline(meters, postgis):
    """Of its geography, whose edges are geodesics: short ones, which are straight enough in degrees."""
    dice = np.random.default_rng(6)
    centres = np.column_stack([dice.uniform(-170, 170, 20), dice.uniform(-75, 75, 20)])
    blots = shapely.buffer(shapely.points(centres), dice.uniform(0.002, 0.05, 20), quad_segs=30)
    lines = shapely.boundary(blots)
    given = np.append(blots[:10], lines[10:])
    found = buffer(shapes(*given), meters).geometry
    for shape, outline in zip(given, found, strict=True):
        ring = shapely.get_coordinates(outline.exterior)[::7]
        apart = postgis.execute(
            "SELECT array_agg(ST_Distance(d.geom::geography, %s::geography))"
            " FROM ST_DumpPoints(%s::geometry) d",
            [f"SRID=4326;{shape.wkt}", shapely.MultiPoint(ring).wkt],
        ).fetchone()[0]
        np.testing.assert_allclose(apart, meters, rtol=1e-3)
