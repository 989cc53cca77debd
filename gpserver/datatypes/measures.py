"""GPLinearUnit, GPArealUnit and GPTimeUnit: a number with units, as JSON or as text such as "15 Miles"."""

import re
from typing import Any, ClassVar

from gpserver.datatypes.base import DataType
from gpserver.datatypes.raw import members, number, quote, unquoted
from gpserver.datatypes.units import ArealUnit, LinearUnit, TimeUnit
from gpserver.errors import InvalidValue

_TEXT = re.compile(r"\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*([a-z][a-z _.]*)?", re.IGNORECASE)


class _Measure(DataType):
    """What they share; units that are not named are those of a plain number."""

    member: ClassVar[str]
    """The member of the JSON object that holds the number."""
    example: ClassVar[str]

    def read(self, value: object) -> Any:
        """Read the JSON object, text with a number and units, or a plain number."""
        parts = members(value)
        if self.member in parts:
            amount, units = parts[self.member], parts.get("units")
        else:
            found = _TEXT.fullmatch(unquoted(str(value).strip()))
            if found is None:
                raise InvalidValue(f"{quote(value)} has no {self.member} and units such as {self.example}.")
            amount, units = found.groups()
        if amount in (None, ""):
            return None
        return self.python[0](number(amount), *([str(units)] if units else []))

    def write(self, value: Any) -> dict[str, Any]:
        """Give the JSON object."""
        if not self.holds(value):
            raise InvalidValue(f"{quote(value)} has no {self.member} and units.")
        return {self.member: number(getattr(value, self.member)), "units": value.units}


class GPLinearUnit(_Measure):
    """A distance, ``{"distance": 15, "units": "esriMiles"}``; by default in metres."""

    name = "GPLinearUnit"
    python = (LinearUnit,)
    member = "distance"
    example = '{"distance": 15, "units": "esriMiles"}'


class GPArealUnit(_Measure):
    """An area, ``{"area": 3, "units": "esriAcres"}``; by default in square metres."""

    name = "GPArealUnit"
    python = (ArealUnit,)
    member = "area"
    example = '{"area": 3, "units": "esriAcres"}'


class GPTimeUnit(_Measure):
    """A length of time, ``{"time": 3, "units": "esriTimeUnitsYears"}``; by default in unknown units."""

    name = "GPTimeUnit"
    python = (TimeUnit,)
    member = "time"
    example = '{"time": 3, "units": "esriTimeUnitsYears"}'
