"""Bodies of the scheduler's tasks: every field with its default, read from JSON and told again as JSON."""

import re
from typing import Annotated, Any, Literal, get_args

import msgspec
import orjson
from msgspec import Meta, Struct

from gpserver.errors import InvalidRequest, InvalidValue
from gpserver.evergis.storages import Catalogue, Edited, LayerStorage, Name, Source, Target, check_eql
from gpserver.features.parse import read_json

Operation = Literal["union", "intersection", "subtraction", "symDifference"]
Provider = Literal["sp_walk", "sp_car"]
AGGREGATIONS = {
    name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    for name in (
        *("Array", "Min", "Max", "Avg", "Sum", "Extent", "Count", "TotalCount", "DistinctCount"),
        *("First", "Last", "Median", "Mod", "StdDeviation"),
        *("SumOfProduct", "WeightedAvg", "DensityIndicators", "DividedSum"),
    )
} | {"DensityIndicators": "density"}
"""The functions of an aggregation, and what ``gpserver.tools.statistics`` calls them."""

OF_TWO = ("SumOfProduct", "WeightedAvg", "DividedSum")
"""Functions that need ``additionalSourceAttribute``."""

Amount = str | int | float
"""A number, or EQL that gives one for each feature."""
Mapping = dict[str, Name]


class Body(Struct, frozen=True, kw_only=True, tag_field="type", rename="camel"):
    """What a task is asked to do."""


class Copy(Body, tag="copy", frozen=True, kw_only=True):
    """Copies objects; with a mapping only the attributes that it names."""

    condition: str | None = None
    attribute_mapping: Mapping | None = None
    source: Source
    target: Target

    def __post_init__(self) -> None:
        check_eql(condition=self.condition)


class EditAttributes(Body, tag="editAttributes", frozen=True, kw_only=True):
    """Calculates the values of one attribute."""

    condition: str | None = None
    attribute: Name
    edit_expression: Name
    create_new_attribute: bool = False
    attribute_type: str = "Unknown"
    target: Edited

    def __post_init__(self) -> None:
        check_eql(condition=self.condition, editExpression=self.edit_expression)


class Setting(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attribute that an aggregation calculates."""

    source_attribute_name: Name
    target_attribute_name: Name
    aggregation_function: str
    additional_source_attribute: str | None = None

    def __post_init__(self) -> None:
        if self.aggregation_function not in AGGREGATIONS:
            raise ValueError(f"`aggregationFunction` is one of {', '.join(AGGREGATIONS)}")
        if self.aggregation_function in OF_TWO and not self.additional_source_attribute:
            raise ValueError(f"`{self.aggregation_function}` needs `additionalSourceAttribute`")


class Aggregate(Body, tag="aggregate", frozen=True, kw_only=True):
    """Sums up the objects that lie in each polygon of ``geometry``."""

    source: Source
    target: Target
    geometry: Source
    aggregation_settings: tuple[Setting, ...] = ()


class Zones(Body, frozen=True, kw_only=True):
    """What the polygons around objects have in common: the names of what is written."""

    source: Source
    target: Target
    base_object_id_attribute_name: Name = "base_object"
    id_attribute_name: Name = "gid"
    geometry_attribute_name: Name = "geometry"


class Buffer(Zones, tag="buffer", frozen=True, kw_only=True):
    """Buffers of one or several radii in metres."""

    radii: Annotated[tuple[Amount, ...], Meta(min_length=1)]
    exclude_inner_buffers: bool = False
    exclude_source_polygon: bool = False
    radius_attribute_name: Name = "buffer_radius"

    def __post_init__(self) -> None:
        check_eql(**{f"radii[{number}]": each for number, each in enumerate(self.radii)})


class Route(Zones, tag="route", frozen=True, kw_only=True):
    """Areas that can be reached from points within seconds."""

    duration: Amount
    provider_type: Provider
    duration_attribute_name: str | None = None
    route_center_x_attribute_name: str | None = None
    route_center_y_attribute_name: str | None = None

    def __post_init__(self) -> None:
        check_eql(duration=self.duration)


class FilterCopy(Body, tag="filterCopy", frozen=True, kw_only=True):
    """Copies objects that intersect those of another storage, or that do not."""

    condition: str | None = None
    attribute_mapping: Mapping | None = None
    source: Source
    target: Target
    geometry_filter_storage: Source
    reverse_geometry_filter: bool = False

    def __post_init__(self) -> None:
        check_eql(condition=self.condition)


class Union(Body, tag="union", frozen=True, kw_only=True):
    """Unites objects that intersect each other."""

    source: Source
    target: Target


class Overlay(Body, tag="overlay", frozen=True, kw_only=True):
    """Cuts the objects of the source and of the tool layer by each other."""

    source: Source
    target: Target
    tool_layer: LayerStorage
    operation: Operation


class Tiling(Body, tag="tiling", frozen=True, kw_only=True):
    """Loads raster files into a catalogue of rasters."""

    target: Catalogue
    files: Annotated[tuple[Name, ...], Meta(min_length=1)]
    attributes: dict[str, Any] | None = None
    polygonize: bool = False
    use_cog: bool = False
    max_zoom_level: Annotated[int, Meta(ge=0, le=30)] | None = None


Inner = Copy | EditAttributes | Aggregate | Buffer | Route | FilterCopy | Union | Overlay | Tiling


class Pipeline(Body, tag="pipeline", frozen=True, kw_only=True):
    """Runs tasks in their order; they pass results on in layers ``temp.*``."""

    inner_tasks: Annotated[tuple[Inner, ...], Meta(min_length=1)]


Task = Inner | Pipeline

TYPES = {str(kind.__struct_config__.tag): kind for kind in get_args(Task)}
"""The types of tasks, by their names."""

_FIELD = re.compile(r"Object missing required field `(?P<missing>\w+)`|`(?P<wrong>[\w[\]]+)`: ")


def read_body(text: bytes, kind: str = "") -> Task:
    """Read the body of a task.

    Args:
        text: JSON; relaxed, as EverGIS' own samples have commas at the end of lists and ``\\'``; what
            is not known is passed over.
        kind: The type of the task; empty where the body says it.

    Raises:
        InvalidRequest: It is not JSON, there is no such type, or a field is missing or wrong; names the path.
    """
    if kind and kind not in TYPES:
        raise InvalidRequest(f'type: there is no task "{kind[:50]}"; there are {", ".join(TYPES)}.')
    try:
        body: Task = msgspec.json.decode(text, type=TYPES[kind] if kind else Task)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_plain(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_body(_strict(text), kind)
    return body


def _strict(text: bytes) -> bytes:
    """The JSON of relaxed JSON."""
    try:
        strict = orjson.dumps(read_json(text))
    except (InvalidValue, orjson.JSONEncodeError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}") from None
    if strict == text:
        raise InvalidRequest("The body is not JSON: it is nested too deeply.")
    return strict


def write_body(body: Task) -> bytes:
    """The JSON of a body with its type, its defaults and its nulls."""
    return msgspec.json.encode(body)


def _plain(problem: str) -> str:
    """``Expected `int` - at `$.radii[0]`​`` as ``radii[0]: expected int.``"""
    text, _, place = problem.partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    if found := _FIELD.match(text):
        path = f"{path}.{found['missing'] or found['wrong']}".strip(".")
        text = "it is required" if found["missing"] else text[found.end() :]
    text = text.replace("`", "'").rstrip(".")
    return f"{path or 'The body'}: {text[0].lower()}{text[1:]}."
