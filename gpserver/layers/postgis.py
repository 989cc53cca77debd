"""Layers as tables of a PostGIS database, one each, in a schema of our own."""

import logging
import secrets
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import errors, sql

from gpserver.eql import Select
from gpserver.errors import GPServerError, InvalidRequest, InvalidValue
from gpserver.layers.copying import ANY, copy_in, copy_out
from gpserver.layers.info import ANY_GEOMETRY, LayerInfo
from gpserver.layers.record import (
    COLUMNS,
    attributes_of,
    changed_meanwhile,
    facts_of,
    gone,
    key_of,
    layer_of,
    taken,
)
from gpserver.layers.rows import frame_of
from gpserver.layers.schema import schema_of
from gpserver.layers.store import Box, Ids
from gpserver.layers.table import reshaped

_log = logging.getLogger(__name__)

_SETUP = """
CREATE SCHEMA IF NOT EXISTS gpserver;
CREATE TABLE IF NOT EXISTS gpserver.layers (
    id text PRIMARY KEY, key text NOT NULL UNIQUE, name text NOT NULL, owner text NOT NULL,
    attributes text NOT NULL, facts text NOT NULL, created double precision NOT NULL,
    changed double precision NOT NULL, count bigint NOT NULL, version bigint NOT NULL,
    next_id bigint NOT NULL);
"""
_LOCK = 7_310_815  # any number, the same in every process: two must not set up at once
_SECONDS = 60  # that a SELECT of a client may take
# What a SELECT of a client may have done wrong; GEOS complains of geometry by an internal error.
_UNFIT = (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError, psycopg.InternalError)
_TYPES = {
    "String": "text",
    "Int32": "integer",
    "Int64": "bigint",
    "Double": "double precision",
    "DateTime": "timestamp",
    "Boolean": "boolean",
    "Json": "json",
}


class PostGISStore:
    """A ``LayerStore`` in a PostGIS database.

    The schema ``gpserver`` has the table ``layers`` of their facts, and ``rows_<id>`` for the rows of each.
    Every write is one transaction, and holds the row of its layer until it ends.

    Args:
        url: ``postgresql://user:password@host/database``; the user may create a schema there.
    """

    def __init__(self, url: str) -> None:
        self._url, self._ready = url, False
        self._idle: deque[psycopg.Connection] = deque()

    def add(self, info: LayerInfo) -> LayerInfo:
        """Keep a new layer without rows."""
        now = time.time()
        info = replace(info, id=secrets.token_hex(16), created=now, changed=now, count=0, version=1)
        row = (
            info.id,
            key_of(info.name, info.owner),
            info.name,
            info.owner,
            attributes_of(info),
            facts_of(info),
        )
        with self._transaction(info) as connection:
            connection.execute(
                "INSERT INTO gpserver.layers VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, 1, 1)",
                (*row, now, now),
            )
            _create(connection, info)
        return info

    def get(self, name: str, owner: str) -> LayerInfo | None:
        """The layer of a name."""
        rows = self._layers("WHERE key = %s", key_of(name, owner))
        return rows[0] if rows else None

    def all(self) -> list[LayerInfo]:
        """Every layer, by name."""
        return self._layers("ORDER BY name")

    def change(self, old: LayerInfo, new: LayerInfo) -> LayerInfo:
        """Replace the facts of a layer."""
        now = time.time()
        values = (key_of(new.name, new.owner), new.name, new.owner, facts_of(new), now, new.id)
        with self._transaction(new) as connection:
            changed = connection.execute(
                "UPDATE gpserver.layers SET key = %s, name = %s, owner = %s, facts = %s, changed = %s,"
                " version = version + 1 WHERE id = %s",
                values,
            )
            if not changed.rowcount:
                raise gone(new)
        return replace(new, changed=now, version=new.version + 1)

    def reshape(self, old: LayerInfo, new: LayerInfo, names: Mapping[str, str]) -> LayerInfo:
        """Replace the attributes: the rows move into a new table."""
        with self._transaction(old) as connection:
            _touch(connection, old, 0)
            kept = all(now == before for now, before in names.items())
            if not (kept and schema_of(old) == schema_of(new)):
                rows = copy_out(connection, old, old.names, _table(old))
                connection.execute(sql.SQL("DROP TABLE {}").format(_table(old)))
                _create(connection, new)
                copy_in(connection, new, reshaped(rows, new, names), _table(new))
            connection.execute(
                "UPDATE gpserver.layers SET attributes = %s WHERE id = %s", (attributes_of(new), new.id)
            )
        return replace(new, version=old.version + 1)

    def drop(self, info: LayerInfo) -> None:
        """Forget a layer and its rows."""
        with self._transaction(info) as connection:
            if not connection.execute("DELETE FROM gpserver.layers WHERE id = %s", (info.id,)).rowcount:
                raise gone(info)
            connection.execute(sql.SQL("DROP TABLE {}").format(_table(info)))

    def read(self, info: LayerInfo, columns: list[str], ids: Ids | None = None) -> Any:
        """The rows in the order of their ids."""
        with self._transaction(info) as connection:
            return copy_out(connection, info, columns, _table(info), _condition(info, ids))

    def ids_in(self, info: LayerInfo, window: Box, most: int | None) -> Ids:
        """The ids of rows whose boxes touch a window."""
        query = _IN.format(
            key=sql.Identifier(info.id_attribute),
            geometry=sql.Identifier(info.geometry_attribute or ""),
            rows=_table(info),
        )
        with self._transaction(info) as connection:
            return _ids(connection.execute(query, (*window, info.sr_id or 0, most)))

    def append(self, info: LayerInfo, table: Any) -> Ids:
        """Add rows, all or none."""
        if not len(table):
            return np.empty(0, np.int64)
        with self._transaction(info) as connection:
            first = _touch(connection, info, len(table), len(table))
            ids = np.arange(first, first + len(table), dtype=np.int64)
            rows = table.add_column(0, info.id_attribute, pa.array(ids))
            copy_in(connection, info, rows, _table(info))
        return ids

    def update(self, info: LayerInfo, table: Any) -> Ids:
        """Replace values of rows by id."""
        names = [name for name in table.column_names if name != info.id_attribute]
        new, key = sql.Identifier("new"), sql.Identifier(info.id_attribute)
        values = [sql.SQL("{0} = {1}.{0}").format(sql.Identifier(name), new) for name in names]
        with self._transaction(info) as connection:
            _touch(connection, info, 0)
            draft = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WHERE false")
            listed = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
            connection.execute(draft.format(new, listed, _table(info)))
            copy_in(connection, info, table, new)
            if not names:
                return _ids(connection.execute(_JOINED.format(_table(info), new, key)))
            change = sql.SQL("UPDATE {0} SET {1} FROM {2} WHERE {0}.{3} = {2}.{3} RETURNING {2}.{3}")
            return _ids(connection.execute(change.format(_table(info), sql.SQL(", ").join(values), new, key)))

    def delete(self, info: LayerInfo, ids: Ids) -> Ids:
        """Remove rows by id."""
        query = sql.SQL("DELETE FROM {0} WHERE {1} = ANY(%s) RETURNING {1}")
        with self._transaction(info) as connection:
            _touch(connection, info, 0)
            names = _table(info), sql.Identifier(info.id_attribute)
            there = _ids(connection.execute(query.format(*names), (ids.tolist(),)))
            _grow(connection, info, -len(there))
        return there

    def extent(self, info: LayerInfo) -> Box | None:
        """The box of all geometries."""
        if info.geometry_attribute is None:
            return None
        query = sql.SQL(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)"
            " FROM (SELECT ST_Extent({}) AS e FROM {}) AS whole"
        )
        with self._transaction(info) as connection:
            names = sql.Identifier(info.geometry_attribute), _table(info)
            row = connection.execute(query.format(*names)).fetchone()
        return None if row is None or row[0] is None else (row[0], row[1], row[2], row[3])

    def select(self, select: Select, layers: Mapping[str, LayerInfo], limit: int | None, offset: int) -> Any:
        """Run a read SELECT over the tables of the layers."""
        tables = {name: f"gpserver.rows_{info.id}" for name, info in layers.items()}
        text, values = select.sql("postgres", tables, limit=limit, offset=offset)
        try:
            with self._transaction() as connection:
                connection.execute("SET TRANSACTION READ ONLY")
                connection.execute(f"SET LOCAL statement_timeout = '{_SECONDS}s'")
                return frame_of(connection.execute(text, values))
        except errors.QueryCanceled:
            raise InvalidRequest(f"The query takes longer than {_SECONDS} seconds.") from None
        except _UNFIT as error:
            raise InvalidRequest(f"The query cannot be run: {error.diag.message_primary}.") from None

    def sweep(self, before: float) -> None:
        """Drop temporary layers that nothing has changed since."""
        for info in self.all():
            if info.is_temporary and info.changed < before:
                self.drop(info)

    def close(self) -> None:
        """Let go of all connections."""
        while self._idle:
            self._idle.pop().close()

    def _layers(self, rest: str, *values: object) -> list[LayerInfo]:
        with self._transaction() as connection:
            query = f"SELECT {COLUMNS} FROM gpserver.layers {rest}"  # noqa: S608 - our own text
            return [layer_of(row) for row in connection.execute(query, values).fetchall()]

    @contextmanager
    def _transaction(self, info: LayerInfo | None = None) -> Iterator[psycopg.Connection]:
        """All or nothing; what goes wrong in the layer ``info`` is said in our own words."""
        with self._connection() as connection:
            try:
                with connection.transaction():
                    yield connection
            except errors.UniqueViolation:
                if info is None:
                    raise
                raise taken(info) from None
            except errors.UndefinedTable:
                if info is None:
                    raise
                raise gone(info) from None
            except psycopg.OperationalError as error:
                if isinstance(error, errors.QueryCanceled):
                    raise
                raise _unreachable(error) from None
            except psycopg.DataError as error:
                if info is None:
                    raise
                said = str(error.diag.message_primary or error)
                raise InvalidValue(f"PostGIS cannot keep this in {info.name}: {said}.") from None

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            if connection.broken or connection.closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self) -> psycopg.Connection:
        try:
            connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=10, options="-c timezone=UTC"
            )
        except psycopg.OperationalError as error:
            raise _unreachable(error) from None
        if not self._ready:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                if not connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchone():
                    connection.execute("CREATE EXTENSION postgis")
                connection.execute(_SETUP)
            self._ready = True
        return connection


_IN = sql.SQL(
    "SELECT {key} FROM {rows} WHERE {geometry} && ST_MakeEnvelope(%s, %s, %s, %s, %s)"
    " ORDER BY greatest(ST_XMax({geometry}) - ST_XMin({geometry}), ST_YMax({geometry}) - ST_YMin({geometry}))"
    " DESC, {key} LIMIT %s"
)
_JOINED = sql.SQL("SELECT {0}.{2} FROM {0} JOIN {1} USING ({2})")


def _unreachable(error: Exception) -> GPServerError:
    _log.error("The database of the layers: %s", error)  # it may name hosts, which clients need not know
    return GPServerError("The database of the layers cannot be reached.")


def _table(info: LayerInfo) -> sql.Identifier:
    return sql.Identifier("gpserver", f"rows_{info.id}")


def _create(connection: psycopg.Connection, info: LayerInfo) -> None:
    columns = [_column(item.name, item.type, info) for item in info.attributes]
    listed = sql.SQL(", ").join(columns)
    key = sql.Identifier(info.id_attribute)
    create = sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))")
    connection.execute(create.format(_table(info), listed, key))
    if info.geometry_attribute:
        index = sql.SQL("CREATE INDEX ON {} USING gist ({})")
        connection.execute(index.format(_table(info), sql.Identifier(info.geometry_attribute)))


def _column(name: str, kind: str, info: LayerInfo) -> sql.Composed:
    if kind in _TYPES:
        return sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_TYPES[kind]))
    shape = "Geometry" if kind == ANY_GEOMETRY else kind
    return sql.SQL("{} geometry({}, {})").format(
        sql.Identifier(name), sql.SQL(shape), sql.Literal(info.sr_id or 0)
    )


def _touch(connection: psycopg.Connection, info: LayerInfo, more: int, ids: int = 0) -> int:
    """Hold the layer until the end of the transaction; gives the first of so many new ids."""
    row = connection.execute(
        "UPDATE gpserver.layers SET next_id = next_id + %s, count = count + %s, version = version + 1,"
        " changed = %s WHERE id = %s AND attributes = %s RETURNING next_id - %s",
        (ids, more, time.time(), info.id, attributes_of(info), ids),
    ).fetchone()
    if row is not None:
        return int(row[0])
    there = connection.execute("SELECT 1 FROM gpserver.layers WHERE id = %s", (info.id,)).fetchone()
    raise changed_meanwhile(info) if there else gone(info)


def _grow(connection: psycopg.Connection, info: LayerInfo, more: int) -> None:
    connection.execute("UPDATE gpserver.layers SET count = count + %s WHERE id = %s", (more, info.id))


def _ids(cursor: Any) -> Ids:
    return np.sort(np.fromiter((row[0] for row in cursor), np.int64))


def _condition(info: LayerInfo, ids: Ids | None) -> sql.Composable:
    if ids is None:
        return ANY
    key = sql.Identifier(info.id_attribute)
    return sql.SQL("{} = ANY({}::bigint[])").format(key, sql.Literal(ids.tolist()))
