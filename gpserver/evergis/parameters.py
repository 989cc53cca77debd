"""Start parameters: what a subtask of the second scheduler is asked to do, by its type and its kind."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from gpserver.errors import InvalidRequest

Name = Annotated[str, Meta(min_length=1)]
AttributeName = Annotated[str, Meta(min_length=1, extra_json_schema={"x-field": "Attribute"})]
AttributeNames = Annotated[tuple[str, ...], Meta(extra_json_schema={"x-field": "AttributeArray"})]
Row = Annotated[int, Meta(ge=1)]
Amount = str | float


class Source(Struct, frozen=True, kw_only=True, rename="camel"):
    """Features or rows: a layer, or what an EQL query gives, and of these what a condition lets pass."""

    layer_name: str | None = None
    eql: str | None = None
    condition: str | None = None
    id_attribute: AttributeName | None = "gid"
    geometry_attribute: AttributeName | None = "geometry"

    def __post_init__(self) -> None:
        if not (self.layer_name or self.eql):
            raise ValueError("a source needs `layerName` or `eql`")


class Target(Struct, frozen=True, kw_only=True, rename="camel"):
    """A layer by its name."""

    name: Name
    alias: str | None = None
    parent_id: str | None = None


class Parameters(Struct, frozen=True, kw_only=True, tag_field="proccessingType", rename="camel"):
    """What every subtask may be told; the server decides by itself what it keeps at hand."""

    materialized_view: bool | None = None


class Transfer(Parameters, frozen=True, kw_only=True):
    """From a source to a layer."""

    source_layer: Source
    target_layer: Target


class Copy(Transfer, tag="copy", frozen=True, kw_only=True):
    """Copies features into a new layer; attributes that the mapping names are renamed, the others stay."""

    columns_mapping: dict[str, Name] | None = None


class Update(Transfer, tag="update", frozen=True, kw_only=True):
    """Writes the values of the source into the features of the target that have the same id."""


class Delete(Transfer, tag="delete", frozen=True, kw_only=True):
    """Removes the features of the target whose ids the source has."""


class Buffer(Transfer, tag="buffer", frozen=True, kw_only=True):
    """Buffers, one for each feature and radius in metres."""

    radii: tuple[Amount, ...] | None = None
    attribute_radii: AttributeNames | None = None
    attribute_to_copy: AttributeNames | None = None
    rad_attribute_name: AttributeName | None = "buffer_radius"
    base_object_id_attribute_name: AttributeName | None = "base_object"


class Overlay(Transfer, tag="overlay", frozen=True, kw_only=True):
    """Cuts the features of the source by those of the overlay, or selects those within."""

    overlay_layer: Source
    operation: Literal["Clip", "Within", "Intersect", "Subtraction", "SymDifference"]
    attributes_to_copy: AttributeNames | None = None


class Union(Transfer, tag="union", frozen=True, kw_only=True):
    """Unites all features into one, or into one for each value of an attribute."""

    group_attribute: AttributeName | None = None


class ValidateGeometry(Transfer, tag="validateGeometry", frozen=True, kw_only=True):
    """Writes the features whose geometry is not valid, with the reason."""

    base_object_id_attribute_name: AttributeName | None = "source_object_id"
    invalid_reason_column: AttributeName | None = "validation_error"


class FixGeometry(Parameters, tag="fixGeometry", frozen=True, kw_only=True):
    """Repairs the geometries of a layer in place."""

    target_layer: Target


class AvailabilityArea(Transfer, tag="availabilityArea", frozen=True, kw_only=True):
    """The areas that can be reached from features within a time in minutes, a number or EQL."""

    provider_name: Name
    duration_expression: Amount
    id_attribute_name: AttributeName | None = "gid"
    geometry_attribute_name: AttributeName | None = "geometry"
    duration_attribute_name: AttributeName | None = None
    base_object_id_attribute_name: AttributeName | None = "base_object"
    route_center_x_attribute_name: AttributeName | None = field(
        default=None, name="routeCenterXAttributeName"
    )
    route_center_y_attribute_name: AttributeName | None = field(
        default=None, name="routeCenterYAttributeName"
    )


class ODMatrix(Parameters, tag="ODMatrix", frozen=True, kw_only=True):
    """The distance and the time of the way from each feature of one source to each of another."""

    source_from_layer: Source
    source_to_layer: Source
    target_layer: Target
    transport_type: Name = "car"
    id_attribute_name: AttributeName | None = "gid"
    id_from_attribute_name: AttributeName | None = "from"
    id_to_attribute_name: AttributeName | None = "to"
    transport_type_attribute_name: AttributeName | None = "transport_type"
    weight_parameter_attribute_name: AttributeName | None = "weight_parameter"
    distance_attribute_name: AttributeName | None = "distance"
    attribute_type_mapping: dict[str, str] | None = None
    default_values: dict[str, Any] | None = None


SourceType = Literal[
    "csv", "gdb", "kml", "tab", "gpkg", "excel", "layer", "shape", "geojson", "otherfile", "xlsx"
]
TargetType = Literal["csv", "gpkg", "excel", "layer", "shape", "geojson", "xlsx"]


def _sided(name: str) -> str:
    """``source_file_name`` as ``source_fileName``."""
    side, _, rest = name.partition("_")
    head, *tail = rest.split("_")
    return f"{side}_{head}{''.join(word.title() for word in tail)}"


class FileSource(Struct, frozen=True, kw_only=True, rename=_sided):
    """A file that is read: by the id of its resource, its path or its name."""

    source_type: SourceType | None = None
    source_file_name: str | None = None
    source_layer_name: str | None = None
    source_coord_source_fields: tuple[str, ...] | None = None
    source_column_delimiter: str | None = None
    source_spatial_reference: int | None = None
    source_is_wkt: bool | None = None
    source_contains_alias_row: bool | None = None
    source_attribute_name_row_number: Row | None = None
    source_alias_row_number: Row | None = None
    source_first_data_row_number: Row | None = None


class Interchange(FileSource, frozen=True, kw_only=True, rename=_sided):
    """From a file or a layer to a file or a layer."""

    source_type: SourceType
    source_layer: Source | None = None
    target_type: TargetType
    target_layer: Target | None = None
    target_layer_alias: str | None = field(default=None, name="target_layer_alias")
    target_file_name: str | None = None
    target_layer_name: str | None = None
    target_coord_source_fields: tuple[str, ...] | None = None
    target_column_delimiter: str | None = None
    target_spatial_reference: int | None = None
    target_is_wkt: bool | None = None
    target_attribute_name_row_number: Row | None = None
    target_alias_row_number: Row | None = None
    target_first_data_row_number: Row | None = None
    attribute_mapping: dict[str, Name] | None = field(default=None, name="attributeMapping")
    attribute_type_mapping: dict[str, str] | None = field(default=None, name="attributeTypeMapping")
    default_values: dict[str, Any] | None = field(default=None, name="defaultValues")
    batch_count: int | None = field(default=None, name="batchCount")

    def __post_init__(self) -> None:
        for side in ("source", "target"):
            place = "layer" if getattr(self, f"{side}_type") == "layer" else "file_name"
            if not getattr(self, f"{side}_{place}"):
                kind = getattr(self, f"{side}_type")
                raise ValueError(f"`{side}_type` {kind} needs `{_sided(f'{side}_{place}')}`")


KINDS: dict[str, dict[str, type[Struct]]] = {
    "geoProcessing": {
        "copy": Copy,
        "update": Update,
        "delete": Delete,
        "buffer": Buffer,
        "overlay": Overlay,
        "union": Union,
        "validateGeometry": ValidateGeometry,
        "fixGeometry": FixGeometry,
    },
    "importExport": {"importExport": Interchange},
    "netEngine": {"availabilityArea": AvailabilityArea, "ODMatrix": ODMatrix},
}
"""The start parameters of each kind of subtask, by type and kind."""


def read_parameters(type_: str, parameters: Any) -> Struct:
    """The start parameters of a subtask.

    The kind is ``proccessingType`` (so spelled) or ``processingType``. Clients leave it out where they think
    it goes without saying, so it is found: a type ``geoProcessing:buffer`` or ``delete`` says it; of
    geoProcessing with a source it is union, without one fixGeometry; of netEngine with two sources ODMatrix.

    Raises:
        InvalidRequest: There is no such type or kind, or a parameter is missing or wrong; names its path.
    """
    given = parameters if isinstance(parameters, dict) else {}
    worker, _, hint = type_.partition(":")
    if _same(worker, KINDS["geoProcessing"]):
        worker, hint = "geoProcessing", worker
    name = _same(worker, KINDS)
    if not name:
        raise InvalidRequest(f'type: there is no worker "{type_[:80]}"; there are {", ".join(KINDS)}.')
    said = given.get("proccessingType") or given.get("processingType") or hint or _implied(name, given)
    kind = _same(str(said), KINDS[name])
    if not kind:
        raise InvalidRequest(
            f'proccessingType: {name} does no "{str(said)[:80]}"; it does {", ".join(KINDS[name])}.'
        )
    found: Struct = convert(given | {"proccessingType": kind}, KINDS[name][kind], "startParameters")
    return found


def convert(given: Any, kind: type[Struct], place: str) -> Any:
    """JSON values as parameters.

    Raises:
        InvalidRequest: One is missing or wrong; names its path below ``place``.
    """
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        text, _, path = str(error).replace("`", "'").partition(" - at ")
        where = path.strip("'").removeprefix("$")
        raise InvalidRequest(f"{place}{where}: {text[0].lower()}{text[1:]}.") from None


def _implied(worker: str, given: dict[str, Any]) -> str:
    if worker == "geoProcessing":
        return "union" if "sourceLayer" in given else "fixGeometry"
    if worker == "netEngine":
        return "ODMatrix" if "sourceFromLayer" in given else "availabilityArea"
    return "importExport"


def _same(name: str, names: Any) -> str:
    return next((each for each in names if each.lower() == name.lower()), "")
