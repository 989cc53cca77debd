import math

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpserver import ArealUnit, LinearUnit, TimeUnit
from gpserver.datatypes import GPArealUnit, GPLinearUnit, GPTimeUnit
from gpserver.datatypes.units import METERS, SQUARE_METERS
from gpserver.errors import InvalidValue

LINEAR, AREAL = GPLinearUnit(), GPArealUnit()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"distance":345.678,"units":"esriMiles"}', LinearUnit(345.678, "esriMiles")),
        ({"distance": 15, "units": "esriMiles"}, LinearUnit(15, "esriMiles")),
        ({"distance": 15, "units": "Esrimeters"}, LinearUnit(15, "esriMeters")),
        ({"distance": 15, "units": "esriNauticalmiles"}, LinearUnit(15, "esriNauticalMiles")),
        ({"distance": 15, "units": "ESRIDECIMALDEGREES"}, LinearUnit(15, "esriDecimalDegrees")),
        ({"distance": 15, "units": "Meters"}, LinearUnit(15, "esriMeters")),
        ({"distance": 15, "units": "meter"}, LinearUnit(15, "esriMeters")),
        ({"distance": 15, "units": "esriIntFeet"}, LinearUnit(15, "esriIntFeet")),
        ({"distance": 15, "units": "FeetInt"}, LinearUnit(15, "esriIntFeet")),
        ({"distance": 15, "units": "esriUnknownUnits"}, LinearUnit(15, "esriUnknownUnits")),
        ({"distance": 15, "units": "Unknown"}, LinearUnit(15, "esriUnknownUnits")),
        ({"distance": 15}, LinearUnit(15, "esriMeters")),
        ({"distance": 15, "units": None}, LinearUnit(15, "esriMeters")),
        ({"distance": "15", "units": ""}, LinearUnit(15, "esriMeters")),
        ({"Distance": 15, "Units": "esriMiles"}, LinearUnit(15, "esriMiles")),
        ({"distance": None, "units": "esriMeters"}, None),
        ({"distance": "", "units": "esriMeters"}, None),
        ("{distance: 15, units: 'esriMiles',}", LinearUnit(15, "esriMiles")),
        ("15 Miles", LinearUnit(15, "esriMiles")),
        ('"15 Miles"', LinearUnit(15, "esriMiles")),
        ("1 mile", LinearUnit(1, "esriMiles")),
        ("1 Foot", LinearUnit(1, "esriFeet")),
        ("-1.5e3 esriInches", LinearUnit(-1500, "esriInches")),
        ("2 nautical miles", LinearUnit(2, "esriNauticalMiles")),
        ("15", LinearUnit(15, "esriMeters")),
        (15.5, LinearUnit(15.5, "esriMeters")),
        (["15 Miles"], LinearUnit(15, "esriMiles")),
    ],
)
def test_reads_lengths(value: object, expected: LinearUnit | None) -> None:
    assert LINEAR.decode(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"area":50,"units":"esriSquareMiles"}', ArealUnit(50, "esriSquareMiles")),
        ({"area": 50}, ArealUnit(50, "esriSquareMeters")),
        ({"area": None}, None),
        ("3 SquareKilometers", ArealUnit(3, "esriSquareKilometers")),
        ("3 square kilometers", ArealUnit(3, "esriSquareKilometers")),
        ("1 SquareFoot", ArealUnit(1, "esriSquareFeet")),
        ("1 SquareYardUS", ArealUnit(1, "esriSquareYardsUS")),
        ("1 acre", ArealUnit(1, "esriAcres")),
        ("1 AcresUS", ArealUnit(1, "esriAcresUS")),
        ("2 Unknown", ArealUnit(2, "esriUnknownAreaUnits")),
        ("7", ArealUnit(7, "esriSquareMeters")),
    ],
)
def test_reads_areas(value: object, expected: ArealUnit | None) -> None:
    assert AREAL.decode(value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (LINEAR, "15 parsecs", 'There are no units "parsecs"; use one of esriUnknownUnits, esriInches,'),
        (LINEAR, {"distance": 1, "units": "esriAcres"}, 'There are no units "esriAcres"'),
        (LINEAR, "far", '"far" has no distance and units such as {"distance": 15, "units": "esriMiles"}.'),
        (LINEAR, {"area": 1}, "\"{'area': 1}\" has no distance and units such as"),
        (LINEAR, {"distance": "far"}, '"far" is not a number.'),
        (LINEAR, "1.2.3 Miles", '"1.2.3" is not a number.'),
        (AREAL, "15 Miles", 'There are no units "Miles"; use one of esriUnknownAreaUnits,'),
        (AREAL, "big", '"big" has no area and units such as {"area": 3, "units": "esriAcres"}.'),
    ],
)
def test_says_what_is_wrong(kind: GPLinearUnit | GPArealUnit, value: object, text: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        kind.decode(value)
    assert str(raised.value).startswith(text)


def test_writes_json_objects() -> None:
    assert LINEAR.encode(LinearUnit(15, "miles")) == {"distance": 15, "units": "esriMiles"}
    assert AREAL.encode(ArealUnit(3, "acres")) == {"area": 3, "units": "esriAcres"}


@pytest.mark.parametrize(
    ("kind", "value"), [(LINEAR, 15), (AREAL, "3 acres"), (LINEAR, LinearUnit(math.inf))]
)
def test_refuses_to_write_something_else(kind: GPLinearUnit | GPArealUnit, value: object) -> None:
    with pytest.raises(InvalidValue):
        kind.encode(value)


@given(st.sampled_from(sorted(METERS)), st.floats(allow_nan=False, allow_infinity=False))
def test_every_length_comes_back(units: str, distance: float) -> None:
    length = LinearUnit(distance, units)
    assert LINEAR.decode(LINEAR.encode(length)) == length
    assert LINEAR.decode(f"{distance!r} {units.removeprefix('esri').upper()}") == length


@given(st.sampled_from(sorted(SQUARE_METERS)), st.floats(allow_nan=False, allow_infinity=False))
def test_every_area_comes_back(units: str, area: float) -> None:
    assert AREAL.decode(AREAL.encode(ArealUnit(area, units))) == ArealUnit(area, units)


EPSG_NAMES = {
    "esriMeters": "metre",
    "esriCentimeters": "centimetre",
    "esriMillimeters": "millimetre",
    "esriKilometers": "kilometre",
    "esriFeet": "US survey foot",
    "esriMiles": "US survey mile",
    "esriIntFeet": "foot",
    "esriIntYards": "yard",
    "esriIntMiles": "Statute mile",
    "esriIntNauticalMiles": "nautical mile",
}


@pytest.mark.parametrize(("units", "name"), EPSG_NAMES.items())
def test_lengths_agree_with_the_epsg_registry(units: str, name: str) -> None:
    registry = pyproj.get_units_map(auth_name="EPSG", category="linear")
    assert LinearUnit(1, units).meters == pytest.approx(registry[name].conv_factor, rel=1e-12)


@pytest.mark.parametrize(
    ("area", "square_meters"),
    [
        (ArealUnit(1, "Acres"), 4046.8564224),
        (ArealUnit(1, "AcresUS"), 4046.872609874252),
        (ArealUnit(1, "SquareMiles"), 2589988.110336),
        (ArealUnit(1, "SquareFeet"), 0.09290304),
        (ArealUnit(1, "SquareInches"), 0.00064516),
        (ArealUnit(1, "SquareYards"), 0.83612736),
        (ArealUnit(1, "Hectares"), 10000),
        (ArealUnit(1, "Ares"), 100),
        (ArealUnit(2, "SquareKilometers"), 2e6),
    ],
)
def test_areas_in_square_meters(area: ArealUnit, square_meters: float) -> None:
    assert area.square_meters == pytest.approx(square_meters, rel=1e-12)


def test_conversions() -> None:
    assert LinearUnit(1, "IntMiles").to("IntFeet").distance == pytest.approx(5280)
    assert LinearUnit(1500).to("kilometers") == LinearUnit(1.5, "esriKilometers")
    assert ArealUnit(1, "SquareKilometers").to("hectares").area == pytest.approx(100)
    assert str(LinearUnit(100)) == "100 Meters"
    assert str(ArealUnit(2.5, "acres")) == "2.5 Acres"


@pytest.mark.parametrize("units", ["esriDecimalDegrees", "esriUnknownUnits"])
def test_units_without_a_size_are_not_converted(units: str) -> None:
    with pytest.raises(InvalidValue, match=f"{units} have no fixed size and cannot be converted."):
        _ = LinearUnit(1, units).meters
    with pytest.raises(InvalidValue, match="no fixed size"):
        LinearUnit(1).to(units)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"time": 3, "units": "esriTimeUnitsYears"}', TimeUnit(3, "esriTimeUnitsYears")),
        ({"time": "3", "units": "ESRITIMEUNITSYEARS"}, TimeUnit(3, "esriTimeUnitsYears")),
        ("1 Week", TimeUnit(1, "esriTimeUnitsWeeks")),
        ("2 Weeks", TimeUnit(2, "esriTimeUnitsWeeks")),
        ("1 Century", TimeUnit(1, "esriTimeUnitsCenturies")),
        ("5 milliseconds", TimeUnit(5, "esriTimeUnitsMilliseconds")),
        ("5", TimeUnit(5, "esriTimeUnitsUnknown")),
        ({"time": 5}, TimeUnit(5, "esriTimeUnitsUnknown")),
        ("5 Unknown", TimeUnit(5, "esriTimeUnitsUnknown")),
        ({"time": None}, None),
        ("", None),
    ],
)
def test_reads_a_time(value: object, expected: TimeUnit | None) -> None:
    assert GPTimeUnit().decode(value) == expected


def test_times_are_converted_where_they_have_a_fixed_length() -> None:
    assert TimeUnit(2, "Hours").seconds == 7200
    assert TimeUnit(2, "Weeks").to("days") == TimeUnit(14, "esriTimeUnitsDays")
    assert str(TimeUnit(1.5, "decades")) == "1.5 Decades"
    for units in ("Months", "Years", "Unknown"):
        with pytest.raises(InvalidValue, match="no fixed size"):
            _ = TimeUnit(1, units).seconds
    with pytest.raises(InvalidValue, match='no units "fortnight"'):
        TimeUnit(1, "fortnight")
    with pytest.raises(InvalidValue, match="has no time and units"):
        GPTimeUnit().decode("soon")
