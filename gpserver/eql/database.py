"""A DuckDB of its own for each SELECT, which reads the parts of its layers and nothing else."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_spatial
import pyarrow as pa
import shapely
from duckdb.func import PythonUDFType

from gpserver.eql.frames import as_frame, crs_name
from gpserver.eql.geodesics import buffers, distances
from gpserver.eql.run import Table
from gpserver.errors import InvalidRequest

_THREADS = 2
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": _THREADS,
    # The extension comes as a package, whose index and hashes vouch for it; reading 80 MB for a signature
    # takes a third of a second.
    "allow_unsigned_extensions": True,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "temp_directory": "",
    "integer_division": True,  # as in PostgreSQL
    "ieee_floating_point_ops": False,  # what is divided by zero is null, not infinite
}
# What PostgreSQL does otherwise, by the type of a value or by its emptiness, which nobody knows before; and
# which pairs are too far from each other to be measured: a degree of latitude has 110.5 km at least, which
# DuckDB makes a join of, and one of longitude 110 km times the cosine of the latitude, with a hundredth to
# spare for the shorter way of a chord.
_MACROS = r"""
CREATE MACRO eql_part(s, start, size) AS CASE WHEN size IS NULL THEN substring(s, greatest(start, 1))
    ELSE substring(s, greatest(start, 1), greatest(start + size - greatest(start, 1), 0)) END;
CREATE MACRO eql_plane_distance(a, b) AS
    CASE WHEN ST_IsEmpty(a) OR ST_IsEmpty(b) THEN NULL ELSE ST_Distance(a, b) END;
CREATE MACRO eql_round(x) AS
    CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN round_even(x, 0) ELSE round(x) END;
CREATE MACRO eql_srid(g) AS
    CASE WHEN g IS NOT NULL THEN CAST(COALESCE(regexp_extract(ST_CRS(g), '[0-9]+$'), '0') AS INT) END;
CREATE MACRO eql_text(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')
    THEN regexp_replace(CAST(x AS TEXT), '\.0$', '') ELSE CAST(x AS TEXT) END;
CREATE MACRO eql_farthest(a, b) AS
    greatest(abs(ST_YMin(a)), abs(ST_YMax(a)), abs(ST_YMin(b)), abs(ST_YMax(b)));
CREATE MACRO eql_wide(a, b, degrees) AS greatest(ST_XMin(a) - ST_XMax(b), ST_XMin(b) - ST_XMax(a)) > degrees
    AND greatest(ST_XMax(a), ST_XMax(b)) - least(ST_XMin(a), ST_XMin(b)) < 360 - degrees;
CREATE MACRO eql_within(a, b, metres) AS
    ST_YMin(a) <= ST_YMax(b) + metres / 110500.0 AND ST_YMax(a) + metres / 110500.0 >= ST_YMin(b) AND CASE
    WHEN metres < 500000 AND eql_farthest(a, b) + metres / 110500.0 < 85 AND
        eql_wide(a, b, metres / (110000.0 * cos(radians(eql_farthest(a, b) + metres / 110500.0)))) THEN FALSE
    ELSE eql_distance(ST_AsWKB(a), ST_AsWKB(b)) <= metres END;
"""
_EXTENSION = next(Path(duckdb_extension_spatial.__file__).parent.rglob("spatial.duckdb_extension"))


def answer(
    sql: str, values: Mapping[str, Any], tables: Mapping[str, Table], seconds: float, memory: int
) -> Any:
    """The rows of a statement that was written from a checked tree; as :func:`gpserver.eql.run_select`."""
    with _database(tables, memory) as database:
        watch = threading.Timer(seconds, database.interrupt)
        watch.start()
        try:
            database.execute(sql, values)
            kinds = [str(column[1]) for column in database.description or []]
            return as_frame(database.to_arrow_table(), kinds)
        except duckdb.InterruptException:
            raise InvalidRequest(f"The query took longer than {seconds:g} seconds: narrow it down.") from None
        except duckdb.OutOfMemoryException:
            raise InvalidRequest(
                f"The query needs more than {memory >> 20} MB: narrow it down, or ask for less."
            ) from None
        except duckdb.IOException:  # a part is gone: no fault of the query
            raise
        except duckdb.Error as error:
            raise InvalidRequest(_plain(str(error))) from None
        finally:
            watch.cancel()
            watch.join()


def _plain(text: str) -> str:
    """The first line of an engine's message, which says what is wrong, without the kind of error."""
    line = text.strip().splitlines()[0]
    return f"The query cannot be run: {line.partition('Error: ')[2] or line}"


@contextmanager
def _database(tables: Mapping[str, Table], memory: int) -> Iterator[Any]:
    """A database with a view for each layer, closed to everything else."""
    with duckdb.connect(":memory:", config=_SETTINGS) as database:
        database.execute(f"SET memory_limit = '{memory}B'")
        database.execute(f"LOAD {_text(_EXTENSION)}")
        database.execute("SET geometry_always_xy = true; SET TimeZone = 'UTC'")
        database.execute("SET enable_geoparquet_conversion = false")
        for name, (function, takes, gives) in _OWN.items():
            database.create_function(name, function, takes, gives, type=PythonUDFType.ARROW)
        database.execute(_MACROS)
        parts = [_text(part) for table in tables.values() for part in table.parts]
        database.execute(f"SET allowed_paths = [{', '.join(parts)}]")
        for name, table in tables.items():
            _add_view(database, name, table)
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        yield database


def _add_view(database: Any, name: str, table: Table) -> None:
    columns = ", ".join(_column(field, table) for field in table.schema)
    source = f"read_parquet([{', '.join(map(_text, table.parts))}])"
    if not table.parts:
        source = _name(f"rows of {name}")
        database.register(f"rows of {name}", table.schema.empty_table())
    # Names are quoted, and paths are the store's.
    database.execute(f"CREATE VIEW {_name(name)} AS SELECT {columns} FROM {source}")  # noqa: S608


def _column(field: Any, table: Table) -> str:
    name = _name(field.name)
    if not (pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)):
        return name
    geometry = f"ST_GeomFromWKB({name})"
    return f"{f'ST_SetCRS({geometry}, {_text(crs_name(table.srid))})' if table.srid else geometry} AS {name}"


def _name(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _text(text: object) -> str:
    return "'{}'".format(str(text).replace("'", "''"))


def _distance(left: Any, right: Any) -> Any:
    found = distances(shapely.from_wkb(left.to_numpy()), shapely.from_wkb(right.to_numpy()))
    return pa.array(found, from_pandas=True)


def _buffer(geometries: Any, radii: Any, segments: Any) -> Any:
    wide = buffers(shapely.from_wkb(geometries.to_numpy()), radii.to_numpy(), int(segments[0].as_py()))
    return pa.array(shapely.to_wkb(wide), pa.binary())


_OWN: dict[str, tuple[Callable[..., Any], list[Any], str]] = {
    "eql_distance": (_distance, ["BLOB", "BLOB"], "DOUBLE"),
    "eql_buffer": (_buffer, ["BLOB", "DOUBLE", "INTEGER"], "BLOB"),
}
