"""Raw values as clients send them: the text of a form, parsed JSON, references; how messages quote them."""

import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from gpserver.errors import InvalidValue
from gpserver.features.parse import read_json

# How the members of a reference are spelled, by what clients write in any case.
_REFERENCE = {"url": "url", "itemid": "itemID", "portalitemid": "portalItemID", "uri": "uri"}
_FEATURES = {"features", "featureset", "layers"}


def reference_in(value: object) -> dict[str, Any] | None:
    """Find ``{"url"}``, ``{"itemID"}`` or a plain URL in text or parsed JSON; None for any other value."""
    if isinstance(value, str):
        text = unquoted(value.strip())
        if text.lower().startswith(("http://", "https://")):
            return {"url": text}
        value = as_sent(text) if text.startswith("{") else None
    if not isinstance(value, Mapping):
        return None
    named = {_REFERENCE.get(str(key).lower(), str(key)): item for key, item in value.items()}
    features = _FEATURES & {str(key).lower() for key in value}
    return named if not features and any(named.get(key) for key in _REFERENCE.values()) else None


def as_sent(value: object) -> Any:
    """Give what a client sent, parsed where it is a JSON object or array."""
    if isinstance(value, list | tuple):
        return as_sent(value[0]) if len(value) == 1 else [as_sent(part) for part in value]
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode(errors="replace")
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        document = read_json(value)
        orjson.dumps(document)  # writing does not go as deep as reading
    except (InvalidValue, orjson.JSONEncodeError):
        return value
    return document


def listed(value: Any) -> list[Any]:
    """Take the values of a list that a task returned.

    Raises:
        InvalidValue: It is none.
    """
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        raise InvalidValue(f"{quote(value)} is not a list.")
    return list(value)


def single(value: object) -> object:
    """Take the one value of a key that a form may repeat."""
    if not isinstance(value, list | tuple):
        return value
    if len(value) > 1:
        raise InvalidValue(f"{len(value)} values were given where one is expected.")
    return value[0] if value else None


def text_of(value: bytes | bytearray | memoryview) -> str:
    """Read UTF-8 text."""
    try:
        return bytes(value).decode()
    except UnicodeDecodeError as error:
        raise InvalidValue("The value is not UTF-8 text.") from error


def unquoted(text: str) -> str:
    """Take the quotes off a JSON string literal; some clients quote plain values."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(orjson.loads(text))
        except orjson.JSONDecodeError:
            return text
    return text


def members(value: object) -> Mapping[str, Any]:
    """Give the members of a JSON object, or of text that is one, by lower-case name; else none."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = read_json(value)
    return {key.lower(): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def number(value: object) -> float | int:
    """Read a finite number, as JSON or as text with a decimal point.

    Raises:
        InvalidValue: It is not one.
    """
    found = _number_in(unquoted(value.strip()).strip()) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= sys.float_info.max:
        raise InvalidValue(f"{quote(value)} is not a number.")
    # Of more than 64 bits there is no number in JSON but a floating one.
    return found if abs(found) < 2**63 else float(found)


def _number_in(text: str) -> float | int | None:
    # Python's own rules also take 1_000 and other alphabets' digits; ArcGIS does not.
    if not text.isascii() or "_" in text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or NA."""
    if value is None or isinstance(value, float | np.floating | np.datetime64 | Decimal):
        return value is None or bool(value != value)
    if "pandas" not in sys.modules:  # NaT and NA are its own: there are none
        return False
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def quote(value: object) -> str:
    """Show a value in a message, shortened."""
    text = value if isinstance(value, str) else repr(value)
    return f'"{text[:57]}..."' if len(text) > 60 else f'"{text}"'
