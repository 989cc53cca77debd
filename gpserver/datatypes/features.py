"""GPFeatureRecordSetLayer and GPRecordSet: features as a GeoDataFrame, rows as a DataFrame."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import shapely
from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver.datatypes.base import DataType, Stored, quote
from gpserver.errors import InvalidValue
from gpserver.features import Layer, decode_features, decode_table, write_layer

POINT, MULTIPOINT = "esriGeometryPoint", "esriGeometryMultipoint"
POLYLINE, POLYGON = "esriGeometryPolyline", "esriGeometryPolygon"

# Longer than any {"url": ...}; a feature set of this size is parsed twice at no cost.
REFERENCE_LIMIT = 4096

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

    def decode(self, value: object) -> Any:
        """Read a feature set or table; large bytes are parsed as they are, never copied into text."""
        if isinstance(value, bytes | str) and len(value) > REFERENCE_LIMIT:
            return self.read(value)
        return super().decode(value)

    def encode(self, value: object) -> Any:
        """Give the feature set as a client would get it."""
        if value is None:
            return None
        with tempfile.TemporaryDirectory(prefix="gpserver-") as folder:
            stored = self.save(value, Path(folder), "layer")
            layer = Layer.open(Path(folder) / str(stored.layer))
            return orjson.loads(b"".join(layer.feature_set(return_z=True, return_m=True)))

    def empty(self) -> dict[str, Any]:
        """Give no features; the Python API reads ``{}`` as None."""
        return {}


class GPFeatureRecordSetLayer(_Rows):
    """Features of one geometry type, or of any.

    Args:
        geometry_type: Esri's name of the geometry type that is asked for; None takes any.
    """

    name = "GPFeatureRecordSetLayer"
    python = (GeoDataFrame,)

    def __init__(self, geometry_type: str | None = None) -> None:
        self.geometry_type = geometry_type

    def read(self, value: Any) -> GeoDataFrame:
        """Read an Esri feature set, a layer object, a feature collection or GeoJSON."""
        _refuse_reference(value)
        frame = decode_features(value, self.schema())
        self._check(frame)
        return frame

    def schema(self) -> dict[str, Any]:
        """Give an empty feature set; from its geometry type clients choose what to draw."""
        return {
            "displayFieldName": "",
            "geometryType": self.geometry_type or POINT,
            "spatialReference": {"wkid": 4326, "latestWkid": 4326},
            "fields": [],
            "features": [],
            "exceededTransferLimit": False,
        }

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Write the layer file."""
        if not isinstance(value, GeoDataFrame):
            raise InvalidValue(
                f"The task returned a {type(value).__name__} where a GeoDataFrame is expected."
            )
        self._check(value)
        summary = write_layer(value, folder / f"{name}.arrow", self.geometry_type)
        return Stored(layer=f"{name}.arrow", rows=summary.rows)

    def _check(self, frame: GeoDataFrame) -> None:
        if self.geometry_type is None or frame.empty:
            return
        kinds = set(shapely.get_type_id(frame.geometry.array).tolist()) - {shapely.GeometryType.MISSING.value}
        found = {_KINDS.get(shapely.GeometryType(kind), "a geometry collection") for kind in kinds}
        if wrong := sorted(found - {self.geometry_type}):
            raise InvalidValue(f"The features are {', '.join(wrong)}, but {self.geometry_type} is expected.")


class GPRecordSet(_Rows):
    """Rows without geometry."""

    name = "GPRecordSet"
    python = (DataFrame,)

    def read(self, value: Any) -> DataFrame:
        """Read a record set, or a list of row objects."""
        _refuse_reference(value)
        return decode_table(value)

    def decode(self, value: object) -> Any:
        """Read a table; a list is its rows."""
        if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
            return self.read(value)
        return super().decode(value)

    def schema(self) -> dict[str, Any]:
        """Give an empty record set."""
        return {"displayFieldName": "", "fields": [], "features": [], "exceededTransferLimit": False}

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Write the layer file; the geometry of a GeoDataFrame is left out."""
        if not isinstance(value, DataFrame):
            raise InvalidValue(f"The task returned a {type(value).__name__} where a DataFrame is expected.")
        rows = (
            DataFrame(value.drop(columns=value.geometry.name)) if isinstance(value, GeoDataFrame) else value
        )
        summary = write_layer(rows, folder / f"{name}.arrow")
        return Stored(layer=f"{name}.arrow", rows=summary.rows)


def _refuse_reference(value: Any) -> None:
    """Say plainly that a value by URL or item id cannot be read yet."""
    if isinstance(value, bytes | str):
        value = _short(value)
    if isinstance(value, str):
        if value.lower().startswith(("http:", "https:")):
            raise InvalidValue(
                f"{quote(value)} is a URL; inputs by URL are not supported by this version yet."
            )
    elif isinstance(value, Mapping):
        keys = {str(key).lower() for key in value}
        if keys & {"url", "itemid", "portalitemid", "uri"} and not keys & {
            "features",
            "featureset",
            "layers",
        }:
            raise InvalidValue(
                "Inputs by URL or by item id are not supported by this version yet; send the features."
            )


def _short(value: bytes | str) -> Any:
    if len(value) > REFERENCE_LIMIT:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode(errors="replace") if isinstance(value, bytes) else value


Points = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(POINT)]
MultiPoints = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(MULTIPOINT)]
Lines = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(POLYLINE)]
Polygons = Annotated[GeoDataFrame, GPFeatureRecordSetLayer(POLYGON)]
Features = Annotated[GeoDataFrame, GPFeatureRecordSetLayer()]
Table = Annotated[DataFrame, GPRecordSet()]
