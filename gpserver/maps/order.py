"""The order of rows: ORDER BY in ArcGIS' words, and rows sorted by it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import TokenType

from gpserver.errors import InvalidRequest
from gpserver.maps.sql.compiler import find_field
from gpserver.maps.sql.tree import read_tokens
from gpserver.maps.where import Columns

_DIRECTIONS = {TokenType.ASC: False, TokenType.DESC: True}


def parse_order(text: str | None, fields: Sequence[Mapping[str, Any]]) -> list[tuple[str, bool]]:
    """Read ``NAME, POP DESC`` as declared names, each with whether it descends.

    Args:
        text: Names of fields with commas between them, each with ASC, DESC or nothing behind it.
        fields: The fields there are, as Esri writes them; the case of the names does not matter.

    Raises:
        InvalidRequest: There is no such field.
    """
    text, names = (text or "").strip(), [str(field["name"]) for field in fields]
    words = groupby(read_tokens(text), lambda token: token.token_type == TokenType.COMMA)
    return [_key(text, list(tokens), names) for is_comma, tokens in words if not is_comma]


def _key(text: str, tokens: list[Any], names: Sequence[str]) -> tuple[str, bool]:
    descends = _DIRECTIONS.get(tokens[-1].token_type) if len(tokens) > 1 else None
    tokens = tokens if descends is None else tokens[:-1]
    quoted = len(tokens) == 1 and tokens[0].token_type == TokenType.IDENTIFIER
    written = tokens[0].text if quoted else text[tokens[0].start : tokens[-1].end + 1]
    return find_field(written, names), bool(descends)


def sorted_rows(columns: Columns, order: Sequence[tuple[str, bool]], rows: int) -> "np.ndarray[Any, Any]":
    """Row numbers in this order; rows that are equal in it stay in their order, and NULL is above all values.

    Raises:
        InvalidRequest: A name is there twice.
    """
    if len({name for name, _ in order}) < len(order):
        raise InvalidRequest("A field can stand in an order only once.")
    if not order:
        return np.arange(rows)
    keys, arrays = [], {}
    for number, (name, descends) in enumerate(order):
        column, direction = columns(name), "descending" if descends else "ascending"
        if column.null_count:
            arrays[f"null{number}"] = pc.is_null(column)
            keys.append((f"null{number}", direction))
        arrays[f"value{number}"] = column
        keys.append((f"value{number}", direction))
    return pc.sort_indices(pa.table(arrays), sort_keys=keys).to_numpy()
