"""GPLinearUnit and GPArealUnit: a number with units, as JSON or as text such as "15 Miles"."""

import re
from typing import Any

from gpserver.datatypes.base import DataType, members, number, quote, unquoted
from gpserver.datatypes.units import ArealUnit, LinearUnit
from gpserver.errors import InvalidValue

_TEXT = re.compile(r"\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*([a-z][a-z _.]*)?", re.IGNORECASE)


class GPLinearUnit(DataType):
    """A distance; units that are not named are metres."""

    name = "GPLinearUnit"
    python = (LinearUnit,)

    def read(self, value: object) -> LinearUnit | None:
        """Read ``{"distance": 15, "units": "esriMiles"}``, ``15 Miles`` or a plain number of metres."""
        amount, units = _parts(value, "distance")
        return None if amount is None else LinearUnit(amount, units or "esriMeters")

    def write(self, value: Any) -> dict[str, Any]:
        """Give the JSON object."""
        return {"distance": number(value.distance), "units": value.units}


class GPArealUnit(DataType):
    """An area; units that are not named are square metres."""

    name = "GPArealUnit"
    python = (ArealUnit,)

    def read(self, value: object) -> ArealUnit | None:
        """Read ``{"area": 50, "units": "esriAcres"}``, ``50 Acres`` or a plain number of square metres."""
        amount, units = _parts(value, "area")
        return None if amount is None else ArealUnit(amount, units or "esriSquareMeters")

    def write(self, value: Any) -> dict[str, Any]:
        """Give the JSON object."""
        return {"area": number(value.area), "units": value.units}


def _parts(value: object, member: str) -> tuple[float | None, str]:
    parts = members(value)
    if member in parts:
        amount = parts[member]
        return None if amount in (None, "") else number(amount), str(parts.get("units") or "")
    found = _TEXT.fullmatch(unquoted(str(value).strip()))
    if found is None or parts:
        example = (
            '{"distance": 15, "units": "esriMiles"}'
            if member == "distance"
            else '{"area": 3, "units": "esriAcres"}'
        )
        raise InvalidValue(f"{quote(value)} is not a {member} with units such as {example}.")
    return number(found[1]), found[2] or ""
