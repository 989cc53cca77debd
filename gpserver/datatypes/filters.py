"""Esri's filters: which values of its data type a parameter takes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpserver.datatypes.features import POLYGON, geometry_types
from gpserver.datatypes.fields import Field
from gpserver.errors import InvalidValue, PublishingError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# What each filter is for (ArcGIS REST, GP task, Filters); coded values and composite filters are made from
# the choices of a parameter and from the filters of its columns.
_FOR = {
    "range": ("GPLong", "GPDouble"),
    "featureClass": ("GPFeatureRecordSetLayer",),
    "file": ("GPDataFile",),
    "field": ("Field",),
}


def check_filter(filter_: Mapping[str, Any], value: Any) -> None:
    """Check a value against a filter object.

    Raises:
        InvalidValue: The filter does not let it pass.
    """
    _CHECKS[filter_["type"]](filter_, value)


def refuse_odd_filter(filter_: Mapping[str, Any], data_type: str) -> None:
    """Look at a filter object that a publisher wrote.

    Raises:
        PublishingError: It is not one, or not for this data type.
    """
    kind = filter_.get("type")
    if kind not in _FOR or not (kind == "range" or isinstance(filter_.get("list"), list | tuple)):
        raise PublishingError(
            f"{dict(filter_)} is not a filter.",
            f'Write {{"type": …, "list": […]}} with one of the types {", ".join(_FOR)}.',
        )
    if data_type.removeprefix("GPMultiValue:") not in _FOR[kind]:
        raise PublishingError(f"The filter {kind} is for {', '.join(_FOR[kind])}.", "Leave it out.")


def _check_range(limits: Mapping[str, Any], value: Any) -> None:
    if limits.get("minimum") is not None and value < limits["minimum"]:
        raise InvalidValue(f"{value} is less than the minimum, {limits['minimum']}.")
    if limits.get("maximum") is not None and value > limits["maximum"]:
        raise InvalidValue(f"{value} is more than the maximum, {limits['maximum']}.")


def _check_geometry(filter_: Mapping[str, Any], value: "GeoDataFrame") -> None:
    allowed = {POLYGON if kind == "esriGeometryEnvelope" else kind for kind in filter_["list"]}
    wrong = geometry_types(value) - allowed
    if wrong:
        raise InvalidValue(
            f"The features are {', '.join(sorted(wrong))}, but {_listed(filter_)} are expected."
        )


def _check_file(filter_: Mapping[str, Any], value: Path) -> None:
    allowed = {str(each).lower().removeprefix(".") for each in filter_["list"]}
    if value.suffix.removeprefix(".").lower() not in allowed:
        raise InvalidValue(f'The file "{value.name}" is of no type that is taken: {_listed(filter_)}.')


def _check_field(filter_: Mapping[str, Any], value: Field) -> None:
    if value.type not in filter_["list"]:
        kind = f"is {value.type}" if value.type else "has no type"
        raise InvalidValue(f"The field {value.name} {kind}; its type must be one of {_listed(filter_)}.")


def _listed(filter_: Mapping[str, Any]) -> str:
    return ", ".join(map(str, filter_["list"]))


_CHECKS: dict[str, Callable[[Mapping[str, Any], Any], None]] = {
    "range": _check_range,
    "featureClass": _check_geometry,
    "file": _check_file,
    "field": _check_field,
}
