"""Whole tables into PostgreSQL and out of it: COPY of text that Arrow writes and reads, no value by value."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as csv
import shapely
from psycopg import sql

from gpserver.layers.info import LayerInfo
from gpserver.layers.schema import schema_of

ANY = sql.SQL("true")
"""The condition that every row meets."""

_BLOCK = 16 << 20


def copy_in(connection: psycopg.Connection, info: LayerInfo, table: pa.Table, target: sql.Identifier) -> None:
    """Copy rows into a table of the same columns.

    Args:
        connection: In a transaction.
        info: The layer whose rows they are.
        table: Geometry as WKB.
        target: The table.
    """
    for name in table.column_names:
        if info.attribute(name).is_geometry:
            shapes = shapely.set_srid(shapely.from_wkb(table.column(name).to_numpy()), info.sr_id or 0)
            text = pa.array(shapely.to_wkb(shapes, hex=True, include_srid=True), pa.large_string())
            table = table.set_column(table.column_names.index(name), name, text)
    names = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(target, names)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        # Null is nothing, an empty text is "": both sides keep them apart.
        csv.write_csv(table, _Sink(copy), csv.WriteOptions(include_header=False))


class _Sink:
    """A COPY as the file that Arrow writes into."""

    closed = False

    def __init__(self, copy: psycopg.Copy) -> None:
        self._copy = copy

    def write(self, block: Any) -> int:
        self._copy.write(bytes(block))
        return len(block)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The COPY ends by itself."""


def copy_out(
    connection: psycopg.Connection,
    info: LayerInfo,
    columns: Sequence[str],
    source: sql.Identifier,
    condition: sql.Composable = ANY,
) -> pa.Table:
    """The rows of a layer's table in the order of their ids, geometry as WKB."""
    schema = schema_of(info)
    listed = sql.SQL(", ").join(_selected(info, name) for name in columns)
    query = sql.SQL("COPY (SELECT {} FROM {} WHERE {} ORDER BY {}) TO STDOUT (FORMAT csv)").format(
        listed, source, condition, sql.Identifier(info.id_attribute)
    )
    text = BytesIO()
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for block in copy:
            text.write(block)
    types = {name: _read_as(schema.field(name).type) for name in columns}
    if not text.tell():
        return pa.schema([schema.field(name) for name in columns]).empty_table()
    text.seek(0)
    table = csv.read_csv(
        text,
        csv.ReadOptions(column_names=list(columns), block_size=_BLOCK),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return pa.table({name: _stored(table.column(name), schema.field(name).type) for name in columns})


def _selected(info: LayerInfo, name: str) -> sql.Composable:
    if not info.attribute(name).is_geometry:
        return sql.Identifier(name)
    return sql.SQL("encode(ST_AsBinary({}), 'hex')").format(sql.Identifier(name))


def _read_as(kind: pa.DataType) -> pa.DataType:
    return pa.large_string() if pa.types.is_large_binary(kind) else kind


def _stored(column: Any, kind: pa.DataType) -> Any:
    if not pa.types.is_large_binary(kind):
        return column
    return pa.array([None if text is None else bytes.fromhex(text) for text in column.to_pylist()], kind)
