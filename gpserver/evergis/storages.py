"""Storages: what a task of the scheduler reads from and writes to, as its body names it."""

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from gpserver.errors import InvalidValue

Name = Annotated[str, Meta(min_length=1)]
Number = Annotated[int, Meta(ge=1)]


def check_eql(**texts: Any) -> None:
    """Refuse EQL that cannot be read; numbers and what is absent pass.

    Raises:
        ValueError: One is wrong; begins with the name of its field in backticks, for ``bodies``.
    """
    from gpserver.eql import read_condition, read_expression  # few bodies need it

    for name, text in texts.items():
        if not isinstance(text, str):
            continue
        try:
            (read_condition if name == "condition" else read_expression)(text)
        except InvalidValue as error:
            raise ValueError(f"`{name}`: {error}") from None


class _Storage(Struct, frozen=True, kw_only=True, tag_field="type", rename="camel"):
    """A place of features or rows; ``type`` says of which kind."""


class LayerStorage(_Storage, tag="layerTaskDataStorage", frozen=True, kw_only=True):
    """A named layer."""

    service_name: Name
    condition: str | None = None
    """EQL; of a source."""
    create_new_service: bool = False
    """Of a target: the layer is made first, with the alias, description and style of the source."""

    def __post_init__(self) -> None:
        check_eql(condition=self.condition)


class ConfiguredLayerStorage(_Storage, tag="configuredLayerTaskDataStorage", frozen=True, kw_only=True):
    """A named layer with attributes chosen, renamed or calculated."""

    service_name: Name
    attributes_configuration: dict[str, Any] | None = None


class TableStorage(_Storage, tag="tableTaskDataStorage", frozen=True, kw_only=True):
    """A table."""

    table_name: Name


class TileStorage(_Storage, tag="tileFeatureLayerTaskDataStorage", frozen=True, kw_only=True):
    """A catalogue of rasters."""

    service_name: Name
    create_new_service: bool = False


class TilingStorage(TileStorage, tag="tilingTaskDataStorage", frozen=True, kw_only=True):
    """A catalogue of rasters, by its name of 2023."""


class StaticStorage(_Storage, tag="staticTaskDataStorage", frozen=True, kw_only=True):
    """A file that was uploaded, or that is to be written; rows count from 1."""

    file_name: Name
    layer_name: str | None = None
    """The first layer where it is absent."""
    attribute_name_row_number: Number | None = None
    contains_alias_row: bool = False
    alias_row_number: Number | None = None
    first_data_row_number: Number = 2
    column_delimiter: str | None = None
    is_wkt: bool = False
    coord_source_fields: tuple[str, ...] | None = None
    """The columns of x and y, of WKT, or of "lat;lon", in a file that has nothing but columns."""
    spatial_reference: Number | None = None


class InMemoryStorage(_Storage, tag="inMemoryTaskDataStorage", frozen=True, kw_only=True):
    """Features that the body brings along."""

    features: Raw
    id_attribute: Name
    geometry_attribute: Name
    geometry_type: Name
    spatial_reference: Number | None = None


VectorLayer = LayerStorage | ConfiguredLayerStorage
Source = LayerStorage | ConfiguredLayerStorage | TableStorage | StaticStorage | InMemoryStorage
Target = LayerStorage | ConfiguredLayerStorage | TableStorage | StaticStorage
Edited = LayerStorage | ConfiguredLayerStorage | TableStorage
Catalogue = TileStorage | TilingStorage
