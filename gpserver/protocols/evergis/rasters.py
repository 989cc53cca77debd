"""Catalogues of rasters as clients describe them, and as they are described to clients."""

from dataclasses import replace
from typing import Any

from gpserver.layers import LayerInfo

TABLE, TABLE_CONFIGURATION = "TileCatalogTable", "TileCatalogTableConfiguration"
SERVICE = "PostgresTileLayerService"
_SERVICES = (SERVICE, "PostgresTileCatalogService")  # the second one is of 2023
_SIDE = 256  # pixels of a tile
_HALF = 20_037_508.342789244  # metres from the middle of Web Mercator to its edge
_LEVELS = 24


def is_catalogue(kind: str | None, configuration: dict[str, Any] | None = None) -> bool:
    """Whether a table or a service of this type (or with this configuration) is a catalogue of rasters."""
    return kind in (TABLE, *_SERVICES) or (configuration or {}).get("type") == TABLE_CONFIGURATION


def catalogue(info: LayerInfo) -> LayerInfo:
    """The same layer as a catalogue of rasters: a footprint may have several parts, whatever was asked."""
    column = info.geometry_attribute or "geometry"
    fields = tuple(item for item in info.attributes if item.name != column)
    return replace(
        info,
        kind="rasters",
        attributes=fields,
        geometry_attribute=column,
        geometry_type="MultiPolygon",
        sr_id=info.sr_id or 4326,
    )


def tile_info() -> dict[str, Any]:
    """A TileInfoDc: XYZ tiles of Web Mercator."""
    return {
        "origin": [-_HALF, _HALF],
        "boundingRectangle": [-_HALF, -_HALF, _HALF, _HALF],
        "reversedY": False,
        "dpi": 96,
        "width": _SIDE,
        "height": _SIDE,
        "format": "png",
        "srId": 3857,
        "lods": [{"level": level, "resolution": 2 * _HALF / _SIDE / 2**level} for level in range(_LEVELS)],
    }
