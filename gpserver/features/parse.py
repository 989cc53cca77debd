"""JSON text to a parsed document, and its features in chunks, so that memory stays bounded."""

import gc
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import orjson
import pyjson5

from gpserver.errors import InvalidValue

CHUNK_FEATURES = 4096
_SPLIT_FROM_BYTES = 4_000_000
_RELAXED_UP_TO_BYTES = 1_000_000
_DEEPEST = 200  # levels of relaxed JSON
# The ArcGIS API for Python writes some lists as Python does. Strings are passed over, open ones to the end.
_WORD = re.compile(r"""'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|\b(?:None|True|False)\b""", re.DOTALL)
_IN_JSON = {"None": "null", "True": "true", "False": "false"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_gc_lock = threading.Lock()
_gc_state = {"depth": 0, "enabled": False}


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector of this process; nested and concurrent uses count.

    A parsed document is a tree without cycles, yet the collector walks it over and over while it grows: up to
    four times the cost of parsing.
    """
    with _gc_lock:
        if _gc_state["depth"] == 0:
            _gc_state["enabled"] = gc.isenabled()
            gc.disable()
        _gc_state["depth"] += 1
    try:
        yield
    finally:
        with _gc_lock:
            _gc_state["depth"] -= 1
            if _gc_state["depth"] == 0 and _gc_state["enabled"]:
                gc.enable()


class _Split(msgspec.Struct, rename="camel"):
    """The outer levels of a large document; features stay text, keys not named here are skipped."""

    features: list[msgspec.Raw] | None = None
    feature_set: "_Split | None" = None
    layers: "list[_Split] | None" = None
    layer_definition: Any = None
    geometry_type: Any = None
    spatial_reference: Any = None
    sr: Any = None
    fields: Any = None
    capital_fields: Any = msgspec.field(default=None, name="Fields")
    has_z: Any = None
    has_m: Any = None
    type: Any = None
    crs: Any = None


_split_decoder = msgspec.json.Decoder(_Split)


def read_json(value: object) -> Any:
    """Parse JSON text (bytes or str); anything else is taken as parsed already.

    In a body over 4 MB the members of ``features`` are left as raw text for :func:`chunks`. Relaxed JSON
    (unquoted keys, single quotes, trailing commas, ``None``, ``True`` and ``False`` of Python) is understood
    up to 1 MB.

    Raises:
        InvalidValue: The text is not JSON; says where.
    """
    if not isinstance(value, bytes | bytearray | memoryview | str):
        return value
    text = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if len(text) > _SPLIT_FROM_BYTES:
        document = _split(text)
        if document is not None:
            return document
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _read_relaxed(text, error)


def chunks(features: Sequence[Any]) -> Iterator[list[Any]]:
    """The features as lists of at most 4096 parsed objects."""
    for start in range(0, len(features), CHUNK_FEATURES):
        part = list(features[start : start + CHUNK_FEATURES])
        if isinstance(part[0], msgspec.Raw):
            try:
                part = orjson.loads(b"[" + b",".join(part) + b"]")
            except orjson.JSONDecodeError as error:
                raise InvalidValue(f"Not valid JSON in features {start} and after: {error}.") from error
        yield part


def _split(text: bytes) -> dict[str, Any] | None:
    try:
        document = _plain(_split_decoder.decode(text))
    except msgspec.DecodeError:
        return None
    return document if {"features", "featureSet", "layers"}.intersection(document) else None


def _plain(value: Any) -> Any:
    """The document that the structs stand for."""
    if isinstance(value, list) and value and isinstance(value[0], _Split):
        return [_plain(layer) for layer in value]
    if not isinstance(value, _Split):
        return value
    names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
    members = {name: _plain(getattr(value, attribute)) for attribute, name in names}
    return {name: member for name, member in members.items() if member is not None}


def _in_json(word: re.Match[str]) -> str:
    return _IN_JSON.get(word[0], word[0])


def _read_relaxed(text: bytes, error: orjson.JSONDecodeError) -> Any:
    where = f"line {error.lineno}, column {error.colno}"
    if len(text) > _RELAXED_UP_TO_BYTES or not text.strip():
        raise InvalidValue(f"Not valid JSON ({error.msg}, {where}).") from error
    try:
        document = pyjson5.decode(_WORD.sub(_in_json, text.decode()), maxdepth=_DEEPEST)
        orjson.dumps(document)  # what cannot be written again, such as a number of 30 digits, is not read
    except (ValueError, TypeError, pyjson5.Json5Exception) as relaxed:
        raise InvalidValue(f"Not valid JSON ({error.msg}, {where}).") from relaxed
    return document
