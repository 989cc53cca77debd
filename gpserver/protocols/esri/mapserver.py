"""Result map services: the resources that describe a map, its layers and its legend."""

import base64
import hashlib
from typing import Any

from starlette.responses import Response

from gpserver.errors import InvalidRequest, NotFound
from gpserver.formats import Resource
from gpserver.maps.classification import generate_renderer
from gpserver.maps.description import describe_extent, describe_layer, describe_map
from gpserver.maps.document import MapLayer
from gpserver.maps.legend import entries
from gpserver.maps.query import Query, columns_at, rows_of
from gpserver.maps.swatches import swatch
from gpserver.maps.symbols import read_symbol
from gpserver.protocols.esri.maps import layer_of, map_of
from gpserver.protocols.esri.wire import Call

_SWATCH = 20  # pixels


def map_resource(call: Call) -> Resource:
    """``…/MapServer`` and ``…/MapServer/jobs/<jobId>``."""
    found = map_of(call)
    if call.parameters.flag("returnUpdates"):
        value = {"fullExtent": describe_extent(found.extent, found.crs)}
    else:
        value = describe_map(found, call.site.current_version)
    return Resource(value, f"{found.name} (MapServer)", page="map", path=call.path)


def info(call: Call) -> Resource:
    """``…/info`` and ``…/info/iteminfo``: what a catalog of maps says of this one."""
    found = map_of(call)
    value = {"name": found.name, "title": found.name, "type": "Map Service", "snippet": "", "tags": []}
    return Resource(value | {"description": found.description}, f"{found.name} (Info)", path=call.path)


def layers(call: Call) -> Resource:
    """``…/layers``: every layer and table at once."""
    found = map_of(call)
    described = [(item, describe_layer(item, call.site.current_version)) for item in found.layers]
    value = {
        "layers": [value for item, value in described if not item.is_table],
        "tables": [value for item, value in described if item.is_table],
    }
    return Resource(value, f"{found.name} (Layers)", path=call.path)


def layer(call: Call) -> Resource:
    """``…/<n>``: one layer or table."""
    found = layer_of(call)
    value = describe_layer(found, call.site.current_version)
    return Resource(value, f"Layer: {found.name} (ID: {found.id})", page="layer", path=call.path)


def legend(call: Call) -> Resource:
    """``…/legend``: a picture of every symbol, inline and by link."""
    found = map_of(call)
    value = {"layers": [_legend_entry(item) for item in found.layers if not item.is_table]}
    return Resource(value, f"{found.name} (Legend)", page="legend", path=call.path)


def _legend_entry(item: MapLayer) -> dict[str, Any]:
    return {
        "layerId": item.id,
        "layerName": item.name,
        "layerType": item.type,
        "minScale": 0,
        "maxScale": 0,
        "legend": [
            {
                "label": label,
                "url": hashlib.sha256(picture).hexdigest()[:32],
                "imageData": base64.b64encode(picture).decode(),
                "contentType": "image/png",
                "height": _SWATCH,
                "width": _SWATCH,
            }
            for label, picture in _swatches(item)
        ],
    }


def _swatches(item: MapLayer) -> list[tuple[str, bytes]]:
    return [
        (label, swatch(read_symbol(symbol), _SWATCH, _SWATCH)) for label, symbol in entries(item.renderer)
    ]


def image(call: Call) -> Response:
    """``…/<n>/images/<hash>``: one picture of the legend.

    Raises:
        NotFound: The legend has no such picture.
    """
    for _, picture in _swatches(layer_of(call)):
        if hashlib.sha256(picture).hexdigest()[:32] == call.part("image"):
            return Response(picture, media_type="image/png")
    raise NotFound(f"The legend has no picture {call.part('image')}.")


def renderer(call: Call) -> Resource:
    """``…/<n>/generateRenderer``: a renderer for the classes that are asked for.

    Raises:
        InvalidRequest: ``classificationDef`` is missing or cannot be understood.
    """
    found = layer_of(call)
    definition = call.parameters.document("classificationDef")
    if not isinstance(definition, dict):
        raise InvalidRequest("'classificationDef' is missing; it is a JSON object with a 'type'.")
    rows = rows_of(found.features, Query(where=call.parameters.text("where")))
    value = generate_renderer(definition, columns_at(found.features, rows), found.features.geometry_type)
    return Resource(value, "Generate Renderer", path=call.path)
