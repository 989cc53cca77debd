"""Statistics of what lies in polygons: by hand, by the ground, and against PostgreSQL."""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely import LineString, Point, box

from gpserver.errors import InvalidValue
from gpserver.tools.aggregate import aggregate
from gpserver.tools.counts import counts_of
from gpserver.tools.measure import ground_area, ground_length
from gpserver.tools.statistics import FUNCTIONS, Statistic


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@pytest.fixture
def areas():
    return layer(box(0, 0, 10, 10), box(10, 0, 20, 5), box(90, 90, 91, 91), name=["x", "y", "z"])


@pytest.fixture
def cities():
    return layer(
        Point(1, 1), Point(10, 2), Point(3, 3), Point(15, 1), None,
        people=[4, 2, None, 8, 99], weight=[1.0, 3.0, 5.0, 2.0, 1.0], kind=["a", "b", "a", "b", "a"],
    )  # fmt: skip


def test_all_eighteen_functions(areas, cities):
    wanted = [Statistic("people", function, f"{function}_", "weight") for function in FUNCTIONS]
    assert len(wanted) == 18
    found = aggregate(cities, areas, wanted).areas.set_index("name").drop(columns="Count")
    found = found.rename(columns=lambda name: name.removesuffix("_"))
    first = found.loc["x"].drop(["geometry", "extent", "array"]).to_dict()
    assert first == {
        "min": 2, "max": 4, "avg": 3, "sum": 6, "count": 2, "total_count": 3, "distinct_count": 2, "first": 4,
        "last": 2, "median": 3, "mod": 2, "std_deviation": math.sqrt(2), "sum_of_product": 10,
        "weighted_avg": 2.5, "density": 0.06, "divided_sum": 6 / 9,
    }  # fmt: skip
    assert found.loc["x", "array"][:2] == [4, 2]
    assert shapely.from_wkb(found.loc["x", "extent"]).bounds == (1, 1, 10, 3)
    assert (found.loc["y", "total_count"], found.loc["y", "sum"]) == (2, 10)
    empty = found.loc["z"]
    assert empty[["count", "total_count", "distinct_count"]].tolist() == [0, 0, 0]
    assert empty[["min", "sum", "avg", "extent", "array", "first", "mod", "density"]].isna().all()


def test_polygons_keep_what_they_are(areas, cities):
    found = aggregate(cities.drop(1), areas.to_crs(4326), keep=False).areas
    assert (found.name.tolist(), found.Count.tolist(), found.crs.to_epsg()) == (["x", "y"], [2, 1], 4326)
    assert counts_of(found) == (4, 2, 1)


def test_groups_of_a_field(areas, cities):
    groups = aggregate(cities, areas, [Statistic("people", "sum", "total")], by="KIND").groups
    assert groups.columns.tolist() == ["Join_ID", "kind", "Count", "Percent", "total"]
    assert groups[["Join_ID", "kind", "Count"]].to_numpy().tolist() == [[1, "a", 2], [1, "b", 1], [2, "b", 2]]
    assert groups.Percent.tolist() == pytest.approx([200 / 3, 100 / 3, 100])
    assert groups.total.tolist() == [4, 2, 10]


def test_shares_of_lines_and_polygons(areas):
    frame = layer(
        LineString([(5, 5), (5, 25)]), box(8, 0, 12, 5), box(0, 0, 5, 5), LineString([(0, 0), (0, 10)]),
        people=[40, 100, 7, 1],
    )  # fmt: skip
    wanted = [Statistic("people", name, name) for name in ("sum", "avg", "std_deviation", "max", "count")]
    found = aggregate(frame, areas, wanted, apportion=True).areas
    assert found.Count.tolist() == [4, 1, 0]
    assert found["sum"].tolist()[:2] == [40 * 0.25 + 100 * 0.5 + 7 + 1, 50]
    mean = 68 / 2.75
    spread = 0.25 * (40 - mean) ** 2 + 0.5 * (100 - mean) ** 2 + (7 - mean) ** 2 + (1 - mean) ** 2
    assert found.avg.iloc[0] == pytest.approx(mean)
    assert found.std_deviation.iloc[0] == pytest.approx(math.sqrt(spread / (3 / 4 * 2.75)))
    assert found["max"].tolist()[:2] == [100, 100]
    assert found.Total_Meters.tolist() == [15, 0, 0]
    assert found.Total_SquareMeters.tolist() == [35, 10, 0]
    groups = aggregate(frame, areas, apportion=True, by="people").groups
    assert groups[groups.Join_ID == 1].Percent.sum() == pytest.approx(100)


def test_what_only_touches_has_no_share(areas):
    frame = layer(box(20, 0, 30, 5), people=[1])
    assert aggregate(frame, areas, apportion=True).areas.Count.tolist() == [0, 0, 0]
    assert aggregate(frame, areas).areas.Count.tolist() == [0, 1, 0]


def test_a_field_that_is_no_number_or_not_there(areas, cities):
    with pytest.raises(InvalidValue, match='"kind" holds no numbers'):
        aggregate(cities, areas, [Statistic("kind", "sum", "total")])
    with pytest.raises(InvalidValue, match='no field "size"'):
        aggregate(cities, areas, [Statistic("size", "max", "total")])
    with pytest.raises(InvalidValue, match='no statistic "cube"'):
        aggregate(cities, areas, [Statistic("people", "cube", "total")])
    with pytest.raises(InvalidValue, match="needs a second field"):
        aggregate(cities, areas, [Statistic("people", "weighted_avg", "total")])


@pytest.mark.parametrize("crs", [4326, 3857])
def test_lengths_and_areas_on_the_ground(crs):
    geod = Geod(ellps="WGS84")
    shape = shapely.segmentize(box(10, 50, 12, 51), 0.01)
    shapes = gpd.GeoSeries([shape, shape.exterior, Point(0, 0), None], crs=4326).to_crs(crs)
    area, length = geod.geometry_area_perimeter(shapely.geometry.polygon.orient(shape))
    assert ground_area(shapes.to_numpy(), shapes.crs) == pytest.approx([area, 0, 0, 0], rel=1e-5)
    assert ground_length(shapes.to_numpy(), shapes.crs) == pytest.approx([length, length, 0, 0], rel=1e-7)


def test_nothing(areas, cities):
    nothing = aggregate(cities[:0], areas, [Statistic("people", "sum", "total")], by="kind")
    assert (nothing.areas.Count.tolist(), len(nothing.groups)) == ([0, 0, 0], 0)
    assert len(aggregate(cities, areas[:0], [Statistic("people", "mod", "m")]).areas) == 0


def test_postgres_agrees(postgis):
    dice = np.random.default_rng(5)
    cities = layer(
        *shapely.points(dice.uniform(0, 10, (600, 2))), id=range(600),
        people=np.where(dice.random(600) < 0.1, np.nan, dice.integers(0, 30, 600)),
    )  # fmt: skip
    areas = layer(
        *shapely.box(*(np.indices((5, 5)).reshape(2, -1) * 2), *(np.indices((5, 5)).reshape(2, -1) * 2 + 2))
    )
    postgis.execute(
        "CREATE TEMP TABLE city (people float8, g geometry); CREATE TEMP TABLE area (id int, g geometry)"
    )
    people = [None if math.isnan(value) else value for value in cities.people]
    wkb = shapely.to_wkb(cities.geometry.array, hex=True)
    postgis.cursor().executemany("INSERT INTO city VALUES (%s, %s)", list(zip(people, wkb, strict=True)))
    wkb = shapely.to_wkb(areas.geometry.array, hex=True)
    postgis.cursor().executemany("INSERT INTO area VALUES (%s, %s)", list(enumerate(wkb)))
    expected = postgis.execute(
        "SELECT count(*), count(people), count(DISTINCT people), min(people), max(people), sum(people),"
        " avg(people), stddev(people), percentile_cont(0.5) WITHIN GROUP (ORDER BY people),"
        " mode() WITHIN GROUP (ORDER BY people), sum(people) / ST_Area(area.g) FROM area"
        " JOIN city ON ST_Intersects(area.g, city.g)"
        " GROUP BY area.id, area.g ORDER BY area.id"
    ).fetchall()
    postgis.execute("DROP TABLE city, area")
    names = ["total_count", "count", "distinct_count", "min", "max", "sum", "avg", "std_deviation"]
    names += ["median", "mod", "density"]
    found = aggregate(cities, areas, [Statistic("people", name, f"{name}_") for name in names]).areas
    assert found[[f"{name}_" for name in names]].to_numpy(float) == pytest.approx(
        np.array(expected, dtype=float)
    )
