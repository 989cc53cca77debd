"""Columns as text of XML: escaped, and no value is ever a Python object."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.features.text import join, number_tokens

# XML 1.0 has no way to write these, escaped or not.
_CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
# In an attribute a reader takes these for spaces.
_ESCAPES |= {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
# Bytes that may begin something to escape or to leave out: 0xef begins U+FFFE.
_SPECIAL = np.zeros(256, bool)
_SPECIAL[[*range(32), *map(ord, _ESCAPES), 0xEF]] = True


def sayable(text: str) -> str:
    """A text without what XML cannot say."""
    return re.sub(_CONTROL, "", text)


def escaped(text: str) -> str:
    """A text for XML, between tags or as an attribute; what XML cannot say is left out."""
    return str(escaped_column(pa.array([text], pa.large_string()))[0])


def escaped_column(column: Any) -> Any:
    """The strings of a column for XML, between tags or as attributes; what XML cannot say is left out."""
    if _SPECIAL[np.frombuffer(column.buffers()[2] or b"", np.uint8)].any():
        column = pc.replace_substring_regex(column, _CONTROL, "")
        for character, name in _ESCAPES.items():
            column = pc.replace_substring(column, character, name)
    return column.cast(pa.string())


def elements(start: str, column: Any, end: str) -> Any:
    """An element around every value, as a piece for :func:`join`; nothing where there is no value.

    Args:
        start: The start tag.
        column: Strings, numbers, or moments, which are written as ISO 8601 in UTC.
        end: The end tag.
    """
    if _is_text(column):
        whole = join(start, value_texts(column), end)
    else:  # a token of a number ends with the first character of what follows it
        whole = join(start, number_tokens(_filled(column), end[0]), end[1:])
    there = _there(column)
    return whole if there is None else pc.if_else(there, whole, "")


def value_texts(column: Any) -> Any:
    """The values of a column as escaped text; something, but nothing that means anything, for no value."""
    if pa.types.is_timestamp(column.type):
        texts = column.cast(pa.timestamp("ms")).cast(pa.string())
        return join(pc.binary_replace_slice(texts, 10, 11, "T"), "Z").fill_null("")
    if _is_text(column):
        return escaped_column(column.fill_null("") if column.null_count else column)
    return pc.utf8_rtrim(number_tokens(_filled(column), " "), " ")


def _is_text(column: Any) -> bool:
    return not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _filled(column: Any) -> Any:
    return (column.fill_null(0) if column.null_count else column).to_numpy(zero_copy_only=False)


def _there(column: Any) -> Any:
    """Which values are there; None where all are. NaN and infinity are not."""
    if pa.types.is_floating(column.type):
        finite = pc.is_finite(column).fill_null(False)
        return None if pc.all(finite).as_py() else finite
    return column.is_valid() if column.null_count else None
