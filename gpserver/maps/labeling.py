"""The texts of labels: Esri's label expressions over the columns of a layer."""

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import InvalidRequest

_PART = re.compile(
    r'\s*(?:\[(?P<field>[^\[\]]+)\]|"(?P<text>[^"]*)"|(?P<link>CONCAT|&|\+))\s*', re.IGNORECASE
)
_ARCADE = re.compile(r"\s*\$feature(?:\.(\w+)|\[[\"']([^\"']+)[\"']\])\s*;?\s*")


def expression_of(label_class: dict[str, Any]) -> str:
    """The expression of an Esri label class, as ``[FIELD] CONCAT "text"``."""
    arcade = _ARCADE.fullmatch(str((label_class.get("labelExpressionInfo") or {}).get("expression") or ""))
    return f"[{arcade[1] or arcade[2]}]" if arcade else str(label_class.get("labelExpression") or "")


def label_texts(expression: str, column: Callable[[str], Any], rows: int) -> list[str]:
    """The label of each row; a null leaves its place empty.

    Args:
        expression: ``[FIELD]`` and quoted texts, joined by CONCAT, & or +.
        column: Gives the Arrow array of a field.
        rows: How many rows there are.

    Raises:
        InvalidRequest: The expression is another one.
    """
    parts: list[Any] = []
    end = 0
    while match := _PART.match(expression, end):
        end = match.end()
        if match["field"] is not None:
            parts.append(column(match["field"]).cast(pa.large_string()).fill_null(""))
        elif match["text"] is not None:
            parts.append(pa.repeat(pa.scalar(match["text"], pa.large_string()), rows))
    if end < len(expression) or not parts:
        raise InvalidRequest(
            f'The label expression {expression} is not supported: use [FIELD] CONCAT "text".'
        )
    texts: list[str] = pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string())).to_pylist()
    return texts
