"""What every GP data type can do, and how a form's text becomes a value."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import orjson
import pandas as pd

from gpserver.errors import InvalidValue
from gpserver.features.parse import read_json

if TYPE_CHECKING:
    from gpserver.datatypes.element import Element

# A value that some clients send for a parameter that nobody filled in: the Python API sends "" and
# {"url": ""}, others the JSON null.
NOT_GIVEN: frozenset[str] = frozenset({"", "null", "{}", '{"url":""}', '{"url":null}', '{"itemID":""}'})
_EMPTY: tuple[Any, ...] = ({}, [], {"url": ""}, {"url": None}, {"itemID": ""})

# How the members of a reference are spelled, by what clients write in any case.
_REFERENCE = {"url": "url", "itemid": "itemID", "portalitemid": "portalItemID", "uri": "uri"}
_FEATURES = {"features", "featureset", "layers"}


@dataclass(frozen=True, slots=True)
class Stored:
    """Where one output rests: an inline wire value, or a layer or a file named relative to the folder."""

    value: object = None
    layer: str | None = None
    file: str | None = None
    rows: int | None = None

    @property
    def entry(self) -> object:
        """How it stands among others: ``{"layer": name}``, ``{"file": name}``, or the value itself."""
        if self.layer is not None:
            return {"layer": self.layer}
        return {"file": self.file} if self.file is not None else self.value


class Source(Protocol):
    """Where values by reference come from: ``{"url": ...}`` and ``{"itemID": ...}``.

    The keys of a reference are spelled as here, whatever a client wrote; others (``filter``, ``time``,
    ``token``, ``portalItemID``) come along.
    """

    def file(self, reference: Mapping[str, Any]) -> Path:
        """Bring a whole file into the job's folder; raises InvalidValue when it cannot be had."""

    def features(self, reference: Mapping[str, Any]) -> Iterator[Path]:
        """Bring a layer, query or file into the job's folder, page by page.

        Each page is Esri JSON, GeoJSON or Esri's protocol buffer (``.pbf``). Raises InvalidValue when one
        cannot be had.
        """


class _NoSource:
    """Nothing can be had."""

    def file(self, reference: Mapping[str, Any]) -> Path:
        raise InvalidValue("A value by URL or item id is read in a job only; send the value itself.")

    def features(self, reference: Mapping[str, Any]) -> Iterator[Path]:
        raise InvalidValue("A value by URL or item id is read in a job only; send the value itself.")


NO_SOURCE: Source = _NoSource()


class DataType:
    """A GP data type: how its values are read, written, kept and described.

    A new data type is one subclass in this package: give it ``name``, ``python`` (the annotations that
    mean it), ``read`` and ``write``, and ``fetch`` where it ``refers``.
    """

    name: str = ""
    """Its name on the wire, such as ``GPLinearUnit``."""
    python: ClassVar[tuple[type, ...]] = ()
    """The Python types that mean this data type in a signature."""
    refers: ClassVar[bool] = False
    """Whether a value may be sent by URL or item id."""
    hidden: bool = False
    """Whether its values are secrets, which nobody is shown again."""
    elements: "tuple[Element, ...]" = ()
    """The columns or the alternatives of its values."""

    def decode(self, value: object, source: Source = NO_SOURCE) -> Any:
        """Read a value as a client sent it.

        Args:
            value: Text or bytes of a form, several of them where a key was repeated, or parsed JSON.
            source: Where a value comes from that was sent by URL or item id.

        Returns:
            The Python value; None for a value that was not given.

        Raises:
            InvalidValue: The value cannot be read.
        """
        value = single(value)
        if isinstance(value, bytes | bytearray | memoryview):
            value = text_of(value)
        if not self.is_given(value):
            return None
        reference = reference_in(value) if self.refers else None
        return self.read(value) if reference is None else self.fetch(reference, source)

    def encode(self, value: object) -> Any:
        """Give the JSON-ready wire value of a Python value; NaN, NaT and None give None.

        Raises:
            InvalidValue: The value is not one of this type.
        """
        if isinstance(value, np.datetime64):
            value = pd.Timestamp(value)
        elif isinstance(value, np.generic):
            value = value.item()
        return None if is_missing(value) else self.write(value)

    def read(self, value: object) -> Any:
        """Read text or parsed JSON that is given."""
        raise NotImplementedError

    def fetch(self, reference: Mapping[str, Any], source: Source) -> Any:
        """Read a value that is somewhere else."""
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        """Give the wire value of a Python value that is there."""
        raise NotImplementedError

    def is_given(self, value: object) -> bool:
        """Whether the client filled the parameter in."""
        if isinstance(value, str):
            return len(value) > 16 or "".join(value.split()) not in NOT_GIVEN
        return value is not None and value not in _EMPTY

    def holds(self, value: object) -> bool:
        """Whether a Python value, such as a default in a signature, is one of this type."""
        return isinstance(value, self.python) and not (isinstance(value, bool) and bool not in self.python)

    def shown(self, value: object) -> Any:
        """Give what ``inputs/<name>`` shows of what a client sent: the wire value, or else what was sent.

        A reference is shown as it is, nothing is fetched; a hidden value is ``""``. None where no value
        was given.
        """
        if self.hidden:
            return ""
        try:
            found = self.decode(value)
        except InvalidValue:
            return as_sent(value)
        return None if found is None else self.encode(found)

    def concrete(self, value: object) -> "DataType":
        """Give the data type under which an output's value is reported."""
        return self

    def load(self, place: Any) -> Any:
        """Give the value of a layer that a publisher named: a file, a function that gives it, or itself."""
        return place() if callable(place) else place

    def empty(self) -> Any:
        """Give the wire value of an output that was not set."""
        return None

    def schema(self) -> Any:
        """Give what stands as ``defaultValue`` of a parameter without a default."""
        return self.empty()

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Keep an output's value.

        Args:
            value: What the task returned, not None.
            folder: The folder of the job's results.
            name: The parameter's name.

        Raises:
            InvalidValue: The value is not one of this type.
        """
        return Stored(value=self.encode(value))


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
    return found


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
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))


def quote(value: object) -> str:
    """Show a value in a message, shortened."""
    text = value if isinstance(value, str) else repr(value)
    return f'"{text[:57]}..."' if len(text) > 60 else f'"{text}"'
