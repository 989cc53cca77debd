"""Lengths, areas and times with their units: Esri's names and factors of the units.

The factors are those of ArcGIS Pro ("Geoprocessing considerations for length and area units"):
``esriFeet``, ``esriYards``, ``esriMiles``, ``esriInches`` and ``esriNauticalMiles`` are US survey units and
``esriInt...`` the international ones; with areas it is the other way round, US survey units end in ``US``.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from gpserver.errors import InvalidValue

FOOT = 0.3048
SURVEY_FOOT = 1200 / 3937
SQUARE_FOOT = FOOT**2
SQUARE_SURVEY_FOOT = SURVEY_FOOT**2

METERS: dict[str, float | None] = {
    "esriUnknownUnits": None,
    "esriInches": SURVEY_FOOT / 12,
    "esriPoints": 0.0254 / 72,
    "esriFeet": SURVEY_FOOT,
    "esriYards": SURVEY_FOOT * 3,
    "esriMiles": SURVEY_FOOT * 5280,
    "esriNauticalMiles": 1853.248,
    "esriMillimeters": 0.001,
    "esriCentimeters": 0.01,
    "esriMeters": 1.0,
    "esriKilometers": 1000.0,
    "esriDecimalDegrees": None,
    "esriDecimeters": 0.1,
    "esriIntInches": FOOT / 12,
    "esriIntFeet": FOOT,
    "esriIntYards": FOOT * 3,
    "esriIntMiles": FOOT * 5280,
    "esriIntNauticalMiles": 1852.0,
}
"""Metres per unit; None where a unit has no fixed length."""

SQUARE_METERS: dict[str, float | None] = {
    "esriUnknownAreaUnits": None,
    "esriSquareInches": SQUARE_FOOT / 144,
    "esriSquareFeet": SQUARE_FOOT,
    "esriSquareYards": SQUARE_FOOT * 9,
    "esriAcres": SQUARE_FOOT * 43560,
    "esriSquareMiles": SQUARE_FOOT * 5280**2,
    "esriSquareMillimeters": 1e-6,
    "esriSquareCentimeters": 1e-4,
    "esriSquareDecimeters": 0.01,
    "esriSquareMeters": 1.0,
    "esriAres": 100.0,
    "esriHectares": 10_000.0,
    "esriSquareKilometers": 1e6,
    "esriSquareInchesUS": SQUARE_SURVEY_FOOT / 144,
    "esriSquareFeetUS": SQUARE_SURVEY_FOOT,
    "esriSquareYardsUS": SQUARE_SURVEY_FOOT * 9,
    "esriAcresUS": SQUARE_SURVEY_FOOT * 43560,
    "esriSquareMilesUS": SQUARE_SURVEY_FOOT * 5280**2,
}
"""Square metres per unit; None where a unit has no fixed size."""


SECONDS: dict[str, float | None] = {
    "esriTimeUnitsUnknown": None,
    "esriTimeUnitsMilliseconds": 0.001,
    "esriTimeUnitsSeconds": 1.0,
    "esriTimeUnitsMinutes": 60.0,
    "esriTimeUnitsHours": 3600.0,
    "esriTimeUnitsDays": 86_400.0,
    "esriTimeUnitsWeeks": 604_800.0,
    "esriTimeUnitsMonths": None,
    "esriTimeUnitsYears": None,
    "esriTimeUnitsDecades": None,
    "esriTimeUnitsCenturies": None,
}
"""Seconds per unit; None where a unit is as long as the calendar makes it."""


@dataclass(frozen=True, slots=True)
class LinearUnit:
    """A distance and its units, such as ``LinearUnit(15, "miles")``.

    Args:
        distance: The number.
        units: Esri's name of the units, in any case, with or without ``esri``, singular or plural.

    Raises:
        InvalidValue: There are no such units.
    """

    distance: float
    units: str = "esriMeters"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", _named(self.units, METERS))

    def __str__(self) -> str:
        return f"{self.distance:g} {self.units.removeprefix('esri')}"

    @property
    def meters(self) -> float:
        """The distance in metres; ``InvalidValue`` for degrees and unknown units."""
        return self.distance * _factor(self.units, METERS)

    def to(self, units: str) -> "LinearUnit":
        """Give the same distance in other units."""
        target = _named(units, METERS)
        return LinearUnit(self.meters / _factor(target, METERS), target)


@dataclass(frozen=True, slots=True)
class ArealUnit:
    """An area and its units, such as ``ArealUnit(3, "SquareKilometers")``.

    Args:
        area: The number.
        units: Esri's name of the units, in any case, with or without ``esri``, singular or plural.

    Raises:
        InvalidValue: There are no such units.
    """

    area: float
    units: str = "esriSquareMeters"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", _named(self.units, SQUARE_METERS))

    def __str__(self) -> str:
        return f"{self.area:g} {self.units.removeprefix('esri')}"

    @property
    def square_meters(self) -> float:
        """The area in square metres; ``InvalidValue`` for unknown units."""
        return self.area * _factor(self.units, SQUARE_METERS)

    def to(self, units: str) -> "ArealUnit":
        """Give the same area in other units."""
        target = _named(units, SQUARE_METERS)
        return ArealUnit(self.square_meters / _factor(target, SQUARE_METERS), target)


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """A length of time and its units, such as ``TimeUnit(3, "Weeks")``.

    Args:
        time: The number.
        units: Esri's name of the units, in any case, with or without ``esriTimeUnits``, singular or plural.

    Raises:
        InvalidValue: There are no such units.
    """

    time: float
    units: str = "esriTimeUnitsUnknown"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", _named(self.units, SECONDS))

    def __str__(self) -> str:
        return f"{self.time:g} {self.units.removeprefix('esriTimeUnits')}"

    @property
    def seconds(self) -> float:
        """The time in seconds; ``InvalidValue`` for unknown units, and for months and longer ones."""
        return self.time * _factor(self.units, SECONDS)

    def to(self, units: str) -> "TimeUnit":
        """Give the same time in other units."""
        target = _named(units, SECONDS)
        return TimeUnit(self.seconds / _factor(target, SECONDS), target)


@lru_cache(256)
def _plain(name: str) -> str:
    """Reduce a unit's name to what its spellings share: ``esriIntFeet`` and ``FeetInt`` alike."""
    word = re.sub(r"[^a-z]", "", name.lower()).removeprefix("esri").removeprefix("timeunits")
    if word.startswith("unknown"):
        return "unknown"
    if word.startswith("int"):
        word = word.removeprefix("int") + "int"
    word = word.replace("feet", "foot").replace("inches", "inch").replace("ies", "y")
    return re.sub(r"s(?=us$|int$|$)", "", word)


def _named(units: str, table: dict[str, float | None]) -> str:
    if units in table:
        return units
    for name in table:
        if _plain(name) == _plain(units):
            return name
    raise InvalidValue(f'There are no units "{units}"; use one of {", ".join(table)}.')


def _factor(units: str, table: dict[str, float | None]) -> float:
    factor = table[units]
    if factor is None:
        raise InvalidValue(f"{units} have no fixed size and cannot be converted.")
    return factor
