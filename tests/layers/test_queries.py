"""A SELECT over named layers, in a folder and in PostGIS."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from gpserver.eql import read_select, read_where
from gpserver.errors import InvalidRequest, NotFound
from gpserver.layers import Attribute, LayerInfo, Layers


@pytest.fixture
def places(layers: Layers) -> Layers:
    attributes = (
        Attribute("имя"),
        Attribute("Full Name"),
        Attribute("size", "Int32"),
        Attribute("seen", "DateTime"),
        Attribute("more", "Json"),
        Attribute("open", "Boolean"),
    )
    layers.create(LayerInfo("ann.a-b.c", attributes, geometry_type="Point", sr_id=3857))
    frame = gpd.GeoDataFrame(
        {
            "имя": ["а", "б", None],
            "Full Name": ["Ann's", '"B"', "%s"],
            "size": pd.array([1, None, 3], "Int32"),
            "seen": pd.to_datetime(["2020-01-01", "2021-01-01", None]),
            "more": [{"k": [1, 2]}, None, {"k": "x"}],
            "open": pd.array([True, None, False], "boolean"),
        },
        geometry=shapely.points([[0, 0], [3, 4], [6, 8]]),
        crs=3857,
    )
    layers.append("ann.a-b.c", frame.iloc[:2])
    layers.append("ann.a-b.c", frame.iloc[2:])
    return layers


def test_all_columns_come_as_they_were_written(places: Layers) -> None:
    frame = places.select(read_select('SELECT * FROM ann."a-b"."c" ORDER BY gid'))
    assert isinstance(frame, gpd.GeoDataFrame)
    assert frame.crs == 3857
    assert frame["gid"].tolist() == [1, 2, 3]
    assert frame["Full Name"].tolist() == ["Ann's", '"B"', "%s"]
    assert frame["seen"].dt.year.tolist()[:2] == [2020, 2021]
    assert frame.geometry.x.tolist() == [0, 3, 6]
    assert [None if pd.isna(value) else value for value in frame["size"]] == [1, None, 3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("имя IN ('а', 'б') AND size IS NULL", [2]),
        ("\"Full Name\" = @name OR more ->> 'k' = 'x'", [1, 3]),
        ("ST_DWithin(geometry, ST_SetSRID(ST_MakePoint(3, 4), 3857), 5) AND seen < @day", [1]),
        ("gid = ANY(@ids) AND NOT coalesce(open, false)", [2, 3]),
        ("gid IN (SELECT unnest(@ids)) ${isset:@nobody,{ AND 1 = 0 }}", [2, 3]),
        ("gid IN (SELECT unnest(@none)) OR имя = ANY(@nothing)", []),
        ("gid NOT IN (SELECT unnest(@none)) AND NOT gid = ANY(@ids)", [1]),
    ],
)
def test_conditions_find_their_rows(places: Layers, text: str, expected: list[int]) -> None:
    values = {
        "@name": "Ann's",
        "@day": "2020-06-01T00:00:00Z",
        "ids": [2, 3],
        "none": [],
        "nothing": [],
        "days": ["2020-01-01"],
        "nobody": "",
    }
    found = places.select(read_where(f"WHERE {text}", "ann.a-b.c", values))
    assert sorted(found["gid"]) == expected


def test_pages_and_counts(places: Layers) -> None:
    select = read_select('SELECT gid FROM "ann"."a-b.c" ORDER BY gid DESC')
    assert places.select(select, limit=1, offset=1)["gid"].tolist() == [2]
    assert places.select(select.count())["count"].tolist() == [3]
    assert places.select(select, limit=0).columns.tolist() == ["gid"]


@pytest.mark.parametrize(
    "text",
    [
        'SELECT nope FROM ann."a-b".c',
        'SELECT "Full Name"::int FROM ann."a-b".c',
        "SELECT ST_GeomFromText('POINT(x)')",
        "SELECT ST_Simplify(ST_GeomFromText('nothing'), 1)",
        'SELECT ST_Area(geometry::geography) FROM ann."a-b".c',
        'SELECT ST_Transform(geometry, 999999) FROM ann."a-b".c',
        'SELECT gid, count(*) FROM ann."a-b".c',
    ],
)
def test_what_a_query_does_wrong_is_its_own_fault(places: Layers, text: str) -> None:
    with pytest.raises(InvalidRequest):
        places.select(read_select(text))


def test_a_layer_that_is_not_there(layers: Layers) -> None:
    for name in ("ann.nothing", "information_schema.tables", "pg_catalog.pg_class", "gpserver.layers"):
        with pytest.raises(NotFound):
            layers.select(read_select(f"SELECT * FROM {name}"))


@pytest.mark.parametrize(
    "text", ["SELECT ST_Node(ST_MakePoint(1, 2))", "SELECT ST_Y(ST_GeomFromText('POLYGON EMPTY'))"]
)
def test_what_geos_cannot_do_is_no_fault_of_the_server(layers: Layers, text: str) -> None:
    try:
        found = layers.select(read_select(text))
    except InvalidRequest:
        return
    assert len(found) == 1
