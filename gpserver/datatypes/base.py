"""What every GP data type can do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from gpserver.datatypes.raw import as_sent, is_missing, reference_in, single, text_of
from gpserver.errors import InvalidValue

if TYPE_CHECKING:
    from gpserver.datatypes.element import Element

# A value that some clients send for a parameter that nobody filled in: the Python API sends "" and
# {"url": ""}, others the JSON null.
NOT_GIVEN: frozenset[str] = frozenset({"", "null", "{}", '{"url":""}', '{"url":null}', '{"itemID":""}'})
_EMPTY: tuple[Any, ...] = ({}, [], {"url": ""}, {"url": None}, {"itemID": ""})


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
            from pandas import Timestamp

            value = Timestamp(value)
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
