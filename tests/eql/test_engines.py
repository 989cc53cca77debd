"""The same SELECT in DuckDB and in PostGIS: one answer, in values, geometry and names of columns."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import Geod

from gpserver.eql import Table, read_select, read_where, run_select

CITIES = gpd.GeoDataFrame(
    {
        "name": ["Ada", "bert", "Cy%", None, "d_e", "Ada"],
        "pop": pd.array([10, 200, None, 7, -3, 2**53 + 1], "Int64"),
        "rate": [0.5, 2.5, None, -1.25, 100.0, 3.0],
        "built": pd.to_datetime(
            ["2020-01-31 10:30", "2019-02-28", None, "2024-02-29", "2020-01-31", "1969-07-20"],
            format="ISO8601",
        ),
        "open": pd.array([True, False, None, True, True, False], "boolean"),
    },
    geometry=gpd.points_from_xy([30, 30.5, 37, 31, 29.5, 30.2], [60, 60.2, 55, 60.9, 59.9, 59.1]),
    crs=4326,
)
ZONES = gpd.GeoDataFrame(
    {"zone": ["west", "east", "both", "none"]},
    geometry=[
        shapely.box(29, 59, 30.3, 61),
        shapely.box(30.4, 59, 38, 61),
        shapely.MultiPolygon([shapely.box(29.1, 59.8, 29.9, 60.1), shapely.box(36, 54, 38, 56)]),
        None,
    ],
    crs=4326,
)
ROADS = gpd.GeoDataFrame(
    {"road": ["a", "b"]},
    geometry=[
        shapely.LineString([(30, 60), (30.1, 60.1), (30.5, 60.1)]),
        shapely.LineString([(36, 55), (38, 55.5)]),
    ],
    crs=4326,
)
PLAN = gpd.GeoDataFrame(
    {"lot": ["p", "q"]}, geometry=[shapely.box(0, 0, 100, 50), shapely.box(50, 0, 150, 50)], crs=3857
)
LAYERS = {"u.cities": CITIES, "u.zones": ZONES, "u.roads": ROADS, "u.plan": PLAN}
TYPES = {"name": "text", "pop": "bigint", "rate": "double precision", "built": "timestamp", "open": "boolean"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    return {name: part(tmp_path_factory.mktemp("parts"), frame) for name, frame in LAYERS.items()}


def part(folder: Path, frame: gpd.GeoDataFrame) -> Table:
    """The frame in two Parquet files, as a store has it."""
    columns = {"gid": pa.array(range(1, len(frame) + 1), pa.int64())}
    columns |= {name: pa.array(frame[name], from_pandas=True) for name in frame.columns[:-1]}
    columns["geometry"] = pa.array(shapely.to_wkb(frame.geometry.to_numpy()), pa.large_binary())
    table = pa.table(columns)
    parts = (folder / "it's one.parquet", folder / "two.parquet")
    pq.write_table(table.slice(0, 1), parts[0])
    pq.write_table(table.slice(1), parts[1])
    return Table(parts, table.schema, "geometry", frame.crs.to_epsg())


@pytest.fixture(scope="module")
def database(postgis: psycopg.Connection) -> Iterator[psycopg.Connection]:
    postgis.execute("CREATE SCHEMA eql")
    for name, frame in LAYERS.items():
        fields = "".join(f'"{field}" {TYPES.get(field, "text")}, ' for field in frame.columns[:-1])
        table = f'eql."{name}"'.replace("u.", "")
        srid = frame.crs.to_epsg()
        postgis.execute(f"CREATE TABLE {table} (gid bigint, {fields} geometry geometry(Geometry, {srid}))")
        marks = ", ".join(["%s"] * (len(frame.columns) + 1))
        rows = [
            [number, *(None if pd.isna(value) else value for value in row[:-1]), wkb]
            for number, (row, wkb) in enumerate(
                zip(
                    frame.astype(object).itertuples(index=False),
                    shapely.to_wkb(frame.geometry, include_srid=True),
                    strict=True,
                ),
                1,
            )
        ]
        with postgis.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    yield postgis
    postgis.execute("DROP SCHEMA eql CASCADE")


QUERIES = (Path(__file__).parent / "queries.sql").read_text("utf-8").splitlines()
PARAMETERS = {
    "@least": 5,
    "@names": ["Ada", "bert"],
    "@ids": [1, 2, 6],
    "pattern": "%\\%%",
    "@srid": 4326,
    "nothing": None,
    "moment": "2020-01-31T10:30:00.5Z",
}


@pytest.mark.parametrize("text", QUERIES)
def test_both_engines_answer_alike(database: psycopg.Connection, tables: dict[str, Table], text: str) -> None:
    select = read_select(text, PARAMETERS)
    frame = run_select(select, tables)
    sql, values = select.sql("postgres", {name: name.replace("u.", "eql.") for name in LAYERS})
    cursor = database.execute(sql, values)
    rows = cursor.fetchall()
    names = [column.name for column in cursor.description or []]
    assert len(frame) == len(rows)
    assert [name.rsplit("_", 1)[0] if name not in names else name for name in frame.columns] == names
    for at, name in enumerate(frame.columns):
        for ours, theirs in zip(frame[name], (row[at] for row in rows), strict=True):
            assert same(ours, theirs), (name, ours, theirs)


def same(ours: Any, theirs: Any) -> bool:
    """Whether a value of pandas is a value of PostgreSQL."""
    if isinstance(ours, shapely.Geometry):
        other = shapely.from_wkb(theirs)
        return shapely.equals_exact(ours.normalize(), other.normalize(), 1e-6) or alike(ours, other)
    if isinstance(ours, np.ndarray | list):
        return list(ours) == list(theirs)
    if ours is None or pd.isna(ours):
        return theirs is None
    if isinstance(theirs, date) and not isinstance(theirs, datetime):
        theirs = datetime(theirs.year, theirs.month, theirs.day)
    if isinstance(theirs, float | Decimal):
        return float(ours) == pytest.approx(float(theirs), rel=1e-6, abs=1e-9)
    return bool(ours == theirs)


def alike(ours: shapely.Geometry, theirs: shapely.Geometry) -> bool:
    """Whether two areas are the same but for where their rings begin."""
    return ours.geom_type == theirs.geom_type and ours.symmetric_difference(theirs).area < 1e-9 * ours.area


@pytest.mark.parametrize(
    "operands",
    [
        "ST_Distance(c.geometry::geography, o.geometry::geography)",
        "c.geometry::geography <-> o.geometry::geography",
    ],
)
@pytest.mark.parametrize("layer", ["u.cities", "u.roads", "u.zones"])
def test_geodesic_distances_are_nearly_those_of_postgis(
    database: psycopg.Connection, tables: dict[str, Table], operands: str, layer: str
) -> None:
    """PostGIS finds the nearest places of lines on a sphere, and its ``<->`` also measures there."""
    select = read_select(f"SELECT {operands} AS d FROM u.cities c, {layer} o ORDER BY c.gid, o.gid")
    ours = run_select(select, tables)["d"]
    sql, values = select.sql("postgres", {name: name.replace("u.", "eql.") for name in LAYERS})
    theirs = pd.Series([row[0] for row in database.execute(sql, values)], dtype=float)
    assert len(ours) > 5
    np.testing.assert_allclose(ours, theirs, rtol=5e-3 if "<->" in operands else 1e-4, atol=1e-6)


def test_a_geodesic_distance_is_the_least_of_many(tables: dict[str, Table]) -> None:
    select = read_select(
        "SELECT ST_Distance(c.geometry::geography, r.geometry::geography) AS d FROM u.cities c, u.roads r"
        " WHERE c.gid = 3 AND r.gid = 2"
    )
    globe = Geod(ellps="WGS84")
    x, y = np.array(globe.npts(36, 55, 38, 55.5, 20_000)).T
    least = globe.inv(np.full(len(x), 37), np.full(len(x), 55), x, y)[2].min()
    assert run_select(select, tables)["d"][0] == pytest.approx(least, rel=1e-7)


@pytest.mark.parametrize("metres", [0, 1_000, 50_000, 400_000, 3_000_000])
def test_pairs_are_left_out_only_where_they_are_too_far(tmp_path: Path, metres: float) -> None:
    """All over the globe, at 180 degrees and at the poles, too."""
    random = np.random.default_rng(8)
    x = np.concatenate(
        [random.uniform(-180, 180, 60), random.uniform(179, 180, 10), random.uniform(-180, -179, 10)]
    )
    y = np.concatenate([random.uniform(-90, 90, 40), random.uniform(84, 90, 20), random.uniform(-1, 1, 20)])
    frame = gpd.GeoDataFrame({"n": range(80)}, geometry=gpd.points_from_xy(x, y), crs=4326)
    select = read_select(
        "SELECT a.gid, b.gid AS other FROM u.p a CROSS JOIN u.p b"
        " WHERE ST_DWithin(a.geometry::geography, b.geometry::geography, @metres)",
        {"metres": metres},
    )
    ours = run_select(select, {"u.p": part(tmp_path, frame)})
    a, b = np.divmod(np.arange(6400), 80)
    far = Geod(ellps="WGS84").inv(x[a], y[a], x[b], y[b])[2]
    assert set(zip(ours["gid"] - 1, ours["other"] - 1, strict=True)) == set(
        zip(a[far <= metres], b[far <= metres], strict=True)
    )


def test_a_condition_is_the_same_in_both(database: psycopg.Connection, tables: dict[str, Table]) -> None:
    select = read_where("WHERE pop % 2 = 0 AND name <> @name", "u.cities", {"name": "%(p)s %"})
    sql, values = select.sql("postgres", {"u.cities": "eql.cities"}, limit=10)
    rows = database.execute(sql, values).fetchall()
    assert [row[0] for row in rows] == run_select(select, tables)["gid"].tolist() == [1, 2]


def test_pages_and_counts(database: psycopg.Connection, tables: dict[str, Table]) -> None:
    select = read_select("SELECT gid FROM u.cities ORDER BY gid DESC LIMIT 5")
    assert run_select(select, tables, limit=2, offset=1)["gid"].tolist() == [5, 4]
    assert run_select(select, tables, limit=9, offset=4)["gid"].tolist() == [2]
    assert run_select(select.count(), tables)["count"].tolist() == [5]
    sql, values = select.count().sql("postgres", {"u.cities": "eql.cities"})
    assert database.execute(sql, values).fetchall() == [(5,)]


def test_a_geodesic_buffer_is_nearly_that_of_postgis(
    database: psycopg.Connection, tables: dict[str, Table]
) -> None:
    """PostGIS buffers in UTM or the like, 4e-4 off; ours is as wide as the ellipsoid says."""
    select = read_select(
        "SELECT ST_Buffer(geometry::geography, 1000, 16) AS geometry FROM u.cities ORDER BY gid"
    )
    ours = run_select(select, tables)
    sql, values = select.sql("postgres", {"u.cities": "eql.cities"})
    theirs = shapely.from_wkb([row[0] for row in database.execute(sql, values)])
    assert ours.crs == 4326
    differences = shapely.area(shapely.symmetric_difference(ours.geometry.to_numpy(), theirs))
    assert (differences < 2e-3 * shapely.area(theirs)).all()
