"""GPFeatureRecordSetLayer and GPRecordSet: features as a GeoDataFrame, rows as a DataFrame."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import orjson
import shapely

from gpserver.datatypes.base import NO_SOURCE, DataType, Source, Stored
from gpserver.datatypes.raw import quote, reference_in, single
from gpserver.errors import InvalidValue
from gpserver.features import decode_features, decode_table, encode_features, write_layer

# Whoever publishes these types need not wait for geopandas, which comes with the first frame: of an
# annotation only the data type is read.
if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame
else:
    GeoDataFrame = DataFrame = Any

POINT, MULTIPOINT = "esriGeometryPoint", "esriGeometryMultipoint"
POLYLINE, POLYGON = "esriGeometryPolyline", "esriGeometryPolygon"

# Longer than any {"url": ...} or empty schema, which must be told from features before these are read.
SHORT = 65_536

_KINDS = {
    shapely.GeometryType.POINT: POINT,
    shapely.GeometryType.MULTIPOINT: MULTIPOINT,
    shapely.GeometryType.LINESTRING: POLYLINE,
    shapely.GeometryType.LINEARRING: POLYLINE,
    shapely.GeometryType.MULTILINESTRING: POLYLINE,
    shapely.GeometryType.POLYGON: POLYGON,
    shapely.GeometryType.MULTIPOLYGON: POLYGON,
}


class _Rows(DataType):
    """What features and tables share: they may be large, and they rest in a layer file."""

    geometry_type: str | None = None
    fields: Sequence[Mapping[str, Any]] = ()
    refers = True

    def with_fields(self, fields: Sequence[Mapping[str, Any]]) -> Self:
        """The same data type with the Esri fields that clients see before there are any features."""
        kind = copy(self)
        kind.fields = fields
        return kind

    def decode(self, value: object, source: Source = NO_SOURCE) -> Any:
        """Read a feature set or table; large bytes are parsed as they are, never copied into text."""
        if not _is_rows(value):
            value = single(value)
        if isinstance(value, bytes | str) and len(value) <= SHORT:
            value = _parsed(value)
        if not self.is_given(value):
            return None
        long = isinstance(value, bytes | str) and len(value) > SHORT
        reference = None if long else reference_in(value)
        return self.read(value) if reference is None else self.fetch(reference, source)

    def load(self, place: Any) -> Any:
        """Give the frame that a publisher named, by its file, a function, or itself."""
        from pandas import DataFrame

        found = super().load(place)
        return found if isinstance(found, DataFrame) else self.pages([Path(found)])

    def fetch(self, reference: Mapping[str, Any], source: Source) -> Any:
        """Read the pages of a layer, query or file."""
        return self.pages(source.features(reference))

    def pages(self, pages: Iterable[Path]) -> Any:
        """Read the frame of all pages."""
        raise NotImplementedError

    def is_given(self, value: object) -> bool:
        """Whether there is more than the schema, which the ArcGIS API for Python sends back as a default."""
        return super().is_given(value) and value != self.schema()

    def encode(self, value: object) -> Any:
        """Give the feature set as a client would get it."""
        if value is None:
            return None
        return orjson.loads(
            encode_features(self.rows(value), self.geometry_type, return_z=True, return_m=True)
        )

    def empty(self) -> dict[str, Any]:
        """Give no features; the ArcGIS API for Python reads ``{}`` as None."""
        return {}

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Write the layer file."""
        summary = write_layer(self.rows(value), folder / f"{name}.arrow", self.geometry_type)
        return Stored(layer=f"{name}.arrow", rows=summary.rows)

    def holds(self, value: object) -> bool:
        """Whether it is a frame of this type."""
        try:
            return self.rows(value) is not None
        except InvalidValue:
            return False

    def rows(self, value: object) -> DataFrame:
        """Give the frame that is kept, once it is sure that it is one of this type."""
        raise NotImplementedError


class GPFeatureRecordSetLayer(_Rows):
    """Features of one geometry type, or of any.

    Args:
        geometry_type: Esri's name of the geometry type that is asked for; None takes any.
    """

    name = "GPFeatureRecordSetLayer"

    def __init__(self, geometry_type: str | None = None) -> None:
        self.geometry_type = geometry_type

    def read(self, value: Any) -> GeoDataFrame:
        """Read an Esri feature set, a layer object, a feature collection or GeoJSON."""
        return self.rows(decode_features(value, self.schema()))

    def pages(self, pages: Iterable[Path]) -> GeoDataFrame:
        """Read the features of all pages."""
        from gpserver.features.files import read_features

        return self.rows(read_features(pages, self.schema()))

    def rows(self, value: object) -> GeoDataFrame:
        """Give the frame if its geometries are of the type that is asked for."""
        from geopandas import GeoDataFrame

        if not isinstance(value, GeoDataFrame):
            raise InvalidValue(f"A GeoDataFrame is expected, not {quote(type(value).__name__)}.")
        if value.active_geometry_name is None:
            raise InvalidValue("The GeoDataFrame has no geometry; name its column with set_geometry().")
        wrong = geometry_types(value) - {self.geometry_type} if self.geometry_type else ()
        if wrong:
            raise InvalidValue(
                f"The features are {', '.join(sorted(wrong))}, but {self.geometry_type} is expected."
            )
        return value

    def schema(self) -> dict[str, Any]:
        """Give an empty feature set; from its geometry type clients choose what to draw."""
        return {
            "displayFieldName": "",
            "geometryType": self.geometry_type or POINT,
            "spatialReference": {"wkid": 4326, "latestWkid": 4326},
            "fields": list(self.fields),
            "features": [],
            "exceededTransferLimit": False,
        }


class GPRecordSet(_Rows):
    """Rows without geometry."""

    name = "GPRecordSet"

    def read(self, value: Any) -> DataFrame:
        """Read a record set, or a list of row objects."""
        return decode_table(value, self.schema())

    def pages(self, pages: Iterable[Path]) -> DataFrame:
        """Read the rows of all pages."""
        from gpserver.features.files import read_table

        return read_table(pages, self.schema())

    def rows(self, value: object) -> DataFrame:
        """Give the frame, without its geometry if it has one."""
        from geopandas import GeoDataFrame
        from pandas import DataFrame

        if not isinstance(value, DataFrame):
            raise InvalidValue(f"A DataFrame is expected, not {quote(type(value).__name__)}.")
        return (
            DataFrame(value.drop(columns=value.geometry.name)) if isinstance(value, GeoDataFrame) else value
        )

    def schema(self) -> dict[str, Any]:
        """Give an empty record set."""
        return {
            "displayFieldName": "",
            "fields": list(self.fields),
            "features": [],
            "exceededTransferLimit": False,
        }


def geometry_types(frame: GeoDataFrame) -> set[str]:
    """The geometry types of a frame."""
    from pandas import DataFrame

    geometry = DataFrame(frame)[frame.active_geometry_name].array  # a plain frame gives it away for less
    kinds = set(shapely.get_type_id(geometry).tolist()) - {shapely.GeometryType.MISSING.value}
    return {_KINDS.get(shapely.GeometryType(kind), "a geometry collection") for kind in kinds}


def _is_rows(value: object) -> bool:
    """Whether a list holds the rows of a table, not the texts of a repeated key."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _parsed(value: bytes | str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode(errors="replace") if isinstance(value, bytes) else value


def frame_types() -> dict[type, type[DataType]]:
    """What annotations mean that are classes of frames."""
    from geopandas import GeoDataFrame
    from pandas import DataFrame

    return {GeoDataFrame: GPFeatureRecordSetLayer, DataFrame: GPRecordSet}


Points = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(POINT)]
MultiPoints = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(MULTIPOINT)]
Lines = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(POLYLINE)]
Polygons = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(POLYGON)]
Features = Annotated[GeoDataFrame, GPFeatureRecordSetLayer()]
Table = Annotated[DataFrame, GPRecordSet()]
