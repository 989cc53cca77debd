"""The second query language: what is read, what is refused and by which name, and what ends in time."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gpserver.eql import Table, functions, read_select, read_where, run_select
from gpserver.errors import InvalidRequest

REFUSED = {
    # Statements
    "DELETE FROM u.l": "DELETE is not allowed",
    "INSERT INTO u.l VALUES (1)": "INSERT is not allowed",
    "UPDATE u.l SET a = 1": "UPDATE is not allowed",
    "DROP TABLE u.l": "DROP is not allowed",
    "CREATE TABLE x AS SELECT 1": "CREATE is not allowed",
    "COPY u.l TO '/tmp/x'": "COPY is not allowed",
    "COPY (SELECT 1) TO PROGRAM 'id'": "no S",
    "ATTACH '/tmp/x.db' AS x": "no S",
    "INSTALL httpfs": "no S",
    "LOAD '/tmp/x.so'": "no S",
    "PRAGMA database_list": "PRAGMA is not allowed",
    "SET memory_limit = '1TB'": "SET is not allowed",
    "EXPLAIN ANALYZE SELECT 1": "is not allowed",
    "PREPARE x AS SELECT 1": "is not allowed",
    "CALL pragma_version()": "no S",
    "VALUES (1)": "VALUES is not allowed",
    "SELECT 1; SELECT 2": "There is a ;",
    "SELECT 1; DROP TABLE u.l --": "There is a ;",
    "SELECT 1 -- x": "Comments are not allowed",
    "SELECT /* x */ 1": "Comments are not allowed",
    "": "empty",
    "SELECT": "names its columns",
    "foo": "no SELECT",
    # What is read
    "SELECT * FROM read_csv('/etc/passwd')": "cannot stand behind FROM",
    "SELECT * FROM read_parquet('/data/*.parquet')": "cannot stand behind FROM",
    "SELECT * FROM glob('*')": "cannot stand behind FROM",
    "SELECT * FROM ST_Read('/etc/passwd')": "cannot stand behind FROM",
    "SELECT * FROM duckdb_settings()": "cannot stand behind FROM",
    "SELECT * FROM dblink('host=x', 'SELECT 1')": "cannot stand behind FROM",
    "SELECT * FROM '/etc/passwd'": "There is no layer '/etc/passwd'",
    'SELECT * FROM "x.parquet" TABLESAMPLE (1)': "SAMPLE of TABLE",
    "SELECT * FROM pg_class": "There is no layer 'pg_class'",
    "SELECT * FROM sqlite_master": "There is no layer 'sqlite_master'",
    "WITH pg_class AS (SELECT * FROM pg_class) SELECT * FROM pg_class": "There is no layer 'pg_class'",
    'WITH "PG_CLASS" AS (SELECT 1) SELECT * FROM pg_class': "There is no layer 'pg_class'",
    "WITH RECURSIVE a AS (SELECT * FROM pg_user), pg_user AS (SELECT 1) SELECT * FROM a": "'pg_user'",
    "SELECT * FROM (WITH pg_user AS (SELECT 1) SELECT 1) x, pg_user": "There is no layer 'pg_user'",
    'WITH "u.l" AS (SELECT 1) SELECT * FROM "u.l"': "has no dot",
    "SELECT * FROM ONLY u.l": "is not allowed",
    # What is called
    "SELECT pg_read_file('/etc/passwd')": "no function pg_read_file",
    "SELECT pg_sleep(100)": "no function pg_sleep",
    "SELECT lo_import('/etc/passwd')": "no function lo_import",
    "SELECT query_to_xml('SELECT 1', true, true, '')": "no function query_to_xml",
    "SELECT getenv('HOME')": "no function getenv",
    "SELECT current_setting('data_directory')": "no function current_setting",
    "SELECT set_config('x', 'y', false)": "no function set_config",
    "SELECT read_text('/etc/passwd')": "no function read_text",
    "SELECT nextval('x')": "no function nextval",
    "SELECT eql_distance('a', 'b')": "no function eql_distance",
    "SELECT repeat('x', 1000000000)": "no function repeat",
    "SELECT lpad('x', 1000000000)": "1000 at most",
    "SELECT lpad('x', 10 * 10000000)": "1000 at most",
    'SELECT "lower"(name) FROM u.l': "no function lower",
    "SELECT pg_catalog.lower('x')": "have parts",
    "SELECT version()": "no function version",
    "SELECT current_user": "CURRENTUSER is not allowed",
    "SELECT session_user": "SESSIONUSER is not allowed",
    "SELECT lower('a', 'b')": "lower is called lower(text) -> text",
    "SELECT count(a, b) FROM u.l": "count is called count([value]) -> integer",
    "SELECT ST_Area()": "st_area is called st_area(geometry) -> number",
    # Forms
    "SELECT * INTO x FROM u.l": "INTO of SELECT",
    "SELECT * FROM u.l FOR UPDATE": "LOCKS of SELECT",
    "SELECT 'pg_class'::regclass": "'REGCLASS' is no type",
    "SELECT a::geometry(Point, 4326) FROM u.l": "without what stands in parentheses",
    "SELECT (a).b FROM u.l": "have parts",
    "SELECT * EXCLUDE (a) FROM u.l": "",
    "SELECT COLUMNS('a.*') FROM u.l": "no function COLUMNS",
    "SELECT {'a': 1}": "",
    "SELECT E'\\n'": "BYTESTRING is not allowed",
    "SELECT $$x$$": "RAWSTRING is not allowed",
    "SELECT U&'x'": "UNICODESTRING is not allowed",
    "SELECT list_transform(a, x -> x + 1) FROM u.l": "no function list_transform",
    "SELECT a == 1 FROM u.l": "compared with =",
    "SELECT a > 1 && b < 2 FROM u.l": "no chain",
    "SELECT a FROM u.l GROUP BY ALL": "ALL of GROUP",
    "SELECT a FROM u.l QUALIFY true": "",
    "SELECT a FROM u.l ASOF JOIN u.m ON true": "",
    "SELECT u.m.a FROM u.l": "u.m is not in FROM",
    "SELECT INTERVAL a": "",
    "SELECT \0": "stands in no text",
    "SELECT '\ud800'": "stands in no text",
    "SELECT " + "ARRAY[" * 40 + "1" + "]" * 40: "nested too deep",
    "SELECT " + "date(" * 40 + "1" + ")" * 40: "nested too deep",
    "SELECT a" + "[1]" * 3000: "100 pairs of brackets",
    "SELECT 'x": "quote stays open",
    "SELECT $1": "The parameter @1 has no value",
    "SELECT :a": "PLACEHOLDER is not allowed",
    "SELECT ?": "PLACEHOLDER is not allowed",
    "SELECT @a": "The parameter @a has no value",
    "SELECT " + "(" * 60 + "1" + ")" * 60: "nested too deep",
    "SELECT " + "- " * 400 + "1": "nested too deep",
    "SELECT " + "NOT " * 5000 + "true": "nested too deep",
    "SELECT " + "+".join(["1"] * 5000): "nested too deep",
    "SELECT " + "(SELECT " * 39 + "1" + "::int" * 4000 + ")" * 39: "nested too deep",
    "SELECT '" + "x" * 100_000 + "'": "100000 characters",
    # Geographies
    "SELECT geometry::geography = geometry::geography FROM u.l": "a geography is an argument of",
    "SELECT ST_AsText(geometry::geography) FROM u.l": "a geography is an argument of",
    "SELECT ST_Area(g) FROM (SELECT ST_Buffer(geometry::geography, 5) AS g FROM u.l) AS x": "a geography is",
    "WITH x AS (SELECT geometry::geography AS g FROM u.l) SELECT ST_Area(g) FROM x": "a geography is",
    # Blocks
    "SELECT 1 ${isset:@a, { + 1 ": "never closed",
    "SELECT 1 }}": "opens or closes no block",
    "SELECT 1 ${now}": "opens or closes no block",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=lambda text: text[:40])
def test_what_is_not_allowed_is_refused_by_its_name(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_select(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


CONDITIONS = [
    "1 = 1) OR (1 = 1",
    "1 = 1 UNION SELECT 1",
    "a = 1; DROP TABLE x",
    "a = 1 ORDER BY a",
    "SELECT 1",
]


@pytest.mark.parametrize("text", [*CONDITIONS, "a = 1 --", "(SELECT", "a IN (SELECT a FROM pg_class)"])
def test_a_condition_stays_one(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_where(text, "u.l")


def test_a_layer_is_named_as_it_is_written() -> None:
    text = 'SELECT * FROM u.a, "u"."b-c", "u.d e" AS x, u.a.b JOIN u.a AS again ON true'
    assert read_select(text).layers == ("u.a", "u.b-c", "u.d e", "u.a.b")
    assert read_where("WHERE a > 1", "u.x-y").layers == ("u.x-y",)
    assert read_select("WITH a AS (SELECT 1) SELECT * FROM a").layers == ()


def test_parameters_are_bound_and_never_pasted() -> None:
    evil = "'); DROP TABLE x; -- %(p)s $p"
    select = read_select("SELECT '@b', @a, @a, '%' FROM u.l LIMIT @n", {"@a": evil, "n": 3, "unused": 1})
    assert select.parameters == {"a": evil, "n": 3}
    for engine in ("duckdb", "postgres"):
        text, values = select.sql(engine)
        assert sorted(values.values(), key=str) == sorted([evil, 3], key=str)
        assert "DROP" not in text
        assert "'@b'" in text


def test_percent_signs_are_doubled_for_psycopg_alone() -> None:
    select = read_select("SELECT a % @n FROM u.l WHERE b LIKE '%(x)s%'", {"n": 2})
    text, values = select.sql("postgres", {"u.l": 'layers.t"1'})
    assert text % dict.fromkeys(values, "?") == (
        'SELECT a % ? AS "?column?" FROM "layers"."t""1" AS l WHERE b LIKE \'%(x)s%\''
    )
    assert "%%" not in select.sql("duckdb")[0]


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, [[1]], 2**63, [1, 2**64], object(), b"x", "\0", ["\udfff"]],
    ids=lambda value: str(type(value)),
)
def test_a_parameter_is_a_plain_value(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="The parameter @a "):
        read_select("SELECT @a", {"a": value})


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "SELECT 1"),
        ({"a": None, "b": 1}, "SELECT 1"),
        ({"a": "", "b": 1}, "SELECT 1"),
        ({"a": 0}, "SELECT 1 + 2"),
        ({"@a": False, "@b": "x"}, "SELECT 1 + 2 + 3"),
    ],
)
def test_blocks_count_when_their_parameter_is_set(parameters: dict[str, Any], expected: str) -> None:
    text = "SELECT 1 ${isset:@a, { + 2 ${isset: b , { + 3 }} }} AS x ${isset:@c,{ , '}}' }}"
    assert read_select(text, parameters).sql("postgres")[0] == f"{expected} AS x"


def test_braces_in_quotes_are_no_blocks() -> None:
    assert "'${isset:@a, { x }}'" in read_select("SELECT '${isset:@a, { x }}' AS x").sql("duckdb")[0]


def test_functions_say_how_they_are_called() -> None:
    known = {function.name: function for function in functions()}
    assert len(known) > 150
    assert known["st_dwithin"].signature == "(geometry, geometry, number) -> boolean"
    assert {function.kind for function in functions()} == {
        "scalar",
        "aggregate",
        "window",
        "table",
        "spatial",
    }


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    folder: Path = tmp_path_factory.mktemp("parts")
    wkb = pa.array(shapely.to_wkb(shapely.points([[30, 60], [31, 61]])), pa.large_binary())
    table = pa.table({"gid": [1, 2], "A b": ["x", None], "geometry": wkb})
    pq.write_table(table, folder / "rows.parquet")
    empty = pa.schema([("gid", pa.int64()), ("name", pa.large_string()), ("geometry", pa.large_binary())])
    return {
        "u.l": Table((folder / "rows.parquet",), table.schema, "geometry", 4326),
        "u.esri": Table((folder / "rows.parquet",), table.schema, "geometry", 102100),
        "u.empty": Table((), empty, "geometry", 3857),
    }


def test_rows_come_as_frames(tables: dict[str, Table]) -> None:
    frame = run_select(read_select('SELECT "A b", gid, gid, geometry FROM u.l ORDER BY gid'), tables)
    assert isinstance(frame, gpd.GeoDataFrame)
    assert list(frame.columns) == ["A b", "gid", "gid_1", "geometry"]
    assert frame.crs == 4326
    assert frame.geometry.to_wkt().tolist() == ["POINT (30 60)", "POINT (31 61)"]
    plain = run_select(read_select("SELECT count(*), sum(gid), avg(gid), now() FROM u.l"), tables)
    assert not isinstance(plain, gpd.GeoDataFrame)
    assert plain.iloc[0, :3].tolist() == [2, 3, 1.5]
    assert [str(kind) for kind in plain.dtypes] == ["int64", "int64", "float64", "datetime64[us]"]


def test_a_layer_without_rows_has_its_columns(tables: dict[str, Table]) -> None:
    frame = run_select(read_where("", "u.empty"), tables)
    assert list(frame.columns) == ["gid", "name", "geometry"]
    assert frame.crs == 3857
    assert len(frame) == 0


def test_spatial_references_do_not_mix(tables: dict[str, Table]) -> None:
    with pytest.raises(InvalidRequest, match="different coordinate reference systems"):
        run_select(read_select("SELECT ST_Distance(a.geometry, b.geometry) FROM u.l a, u.empty b"), tables)
    with pytest.raises(InvalidRequest, match="different CRS"):
        run_select(read_select("SELECT ST_Area(geometry::geography) FROM u.empty"), tables)
    frame = run_select(read_select("SELECT ST_Transform(geometry, 4326) AS g FROM u.esri"), tables)
    assert frame.crs == 4326
    assert run_select(read_where("", "u.esri"), tables).crs.to_authority() == ("ESRI", "102100")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT nope FROM u.l", 'Referenced column "nope" not found'),
        ('SELECT "A b"::int FROM u.l', "Could not convert string 'x' to INT32"),
        ("SELECT gid, count(*) FROM u.l", "must appear in the GROUP BY clause"),
        ("SELECT sqrt(-1)", "cannot take square root of a negative number"),
        ("SELECT ST_GeomFromText('x')", "The query cannot be run"),
        ("SELECT 9223372036854775807 + gid FROM u.l", "Overflow in addition of INT64"),
        ("SELECT ST_Transform(geometry, gid) FROM u.l", "a whole number must stand here"),
        ("SELECT ST_Buffer(geometry, 1, 'side=left') FROM u.l", "a buffer takes quad_segs=8"),
    ],
)
def test_what_does_not_fit_the_layer_says_so(tables: dict[str, Table], text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        run_select(read_select(text), tables)
    assert message in str(caught.value)
    assert "parquet" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b", "0.3 seconds"),
        ("WITH RECURSIVE a(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM a) SELECT count(*) FROM a", "seconds"),
        ("SELECT * FROM generate_series(1, 1000000000000)", "2^32"),
        ("SELECT array_agg(a || b) FROM generate_series(1, 9999) a, generate_series(1, 9999) b", "MB"),
    ],
)
def test_bombs_end_by_limits_of_time_and_memory(tables: dict[str, Table], text: str, message: str) -> None:
    seconds = 30 if message == "MB" else 0.3
    with pytest.raises(InvalidRequest) as caught:
        run_select(read_select(text), tables, seconds=seconds, memory=100 << 20)
    assert message in str(caught.value)


def test_the_database_reads_nothing_but_its_layers(tables: dict[str, Table], tmp_path: Path) -> None:
    """Even if the checks had a hole."""
    from gpserver.eql.database import answer

    (tmp_path / "secret.csv").write_text("a\n1\n")
    for text in (
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
        f"SELECT * FROM glob('{tmp_path}/*')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "LOAD httpfs",
    ):
        with pytest.raises(InvalidRequest):
            answer(text, {}, tables, 10, 1 << 30)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


WORDS = r"""
    SELECT * FROM WHERE u.l u.m AS x ( ) , a b 1 'x' "q" @p + - * / % || && <-> = <> < LIKE IN IS
    NULL AND OR NOT ORDER BY GROUP HAVING LIMIT OFFSET UNION ALL WITH RECURSIVE JOIN LEFT CROSS
    LATERAL ON USING CASE WHEN THEN ELSE END CAST :: int geometry geography [ ] . count sum ST_Area
    ST_Buffer st_dump unnest generate_series lower OVER PARTITION DISTINCT BETWEEN EXISTS INTERVAL
    '1 day' EXTRACT year ; -- /* */ $$ ${isset:@p,{ }} DELETE INTO VALUES pg_class read_csv FILTER
    FETCH TABLESAMPLE ROLLUP WINDOW ARRAY ANY date current_date := => -> ->> ~ ! ? : { } \ #
    """.split()  # noqa: SIM905 - it is easier to read so


@given(st.text())
def test_any_text_is_a_select_or_an_error_that_says_so(text: str) -> None:
    check(text)


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_any_words_are_a_select_or_an_error_that_says_so(text: str) -> None:
    check(text)
    check("SELECT " + text)
    check("SELECT a FROM u.l WHERE " + text)


def check(text: str) -> None:
    for read in (lambda: read_select(text, {"p": 1}), lambda: read_where(text, "u.l", {"p": 1})):
        with suppress(InvalidRequest):
            select = read()
            for engine in ("duckdb", "postgres"):
                select.sql(engine, limit=1)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join))
def test_what_is_read_runs_or_says_why_not(tables: dict[str, Table], text: str) -> None:
    with suppress(InvalidRequest):
        select = read_select(f"SELECT {text}", {"p": 1})
        if set(select.layers) <= tables.keys():
            assert isinstance(run_select(select, tables, limit=5), pd.DataFrame)
