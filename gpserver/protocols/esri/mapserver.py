"""Result map services: the resources that describe a map, its layers and its legend."""

import asyncio
import base64
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gpserver.errors import InvalidRequest, NotFound
from gpserver.formats import Resource
from gpserver.maps.classification import generate_renderer
from gpserver.maps.description import describe_extent, describe_layer, describe_map
from gpserver.maps.document import MapLayer
from gpserver.maps.legend import entries
from gpserver.maps.picture import Swatch
from gpserver.maps.query import Query, columns_at, rows_of
from gpserver.protocols.esri import scenes
from gpserver.protocols.esri.mapimage import drawn, picture_response
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
    scene = scenes.of_layers(call, found.layers, found.name)
    title = f"{found.name} (MapServer)"
    return Resource(value, title, page="map", path=call.path, scene=scene, name=found.name)


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
    scene = None if found.is_table else scenes.of_layers(call, [found], found.name)
    title = f"Layer: {found.name} (ID: {found.id})"
    return Resource(value, title, page="layer", path=call.path, scene=scene, name=found.name)


async def legend(call: Call) -> Resource:
    """``…/legend``: a picture of every symbol, inline and by link."""
    found = await run_in_threadpool(map_of, call)
    value = {"layers": [await _legend_entry(call, item) for item in found.layers if not item.is_table]}
    return Resource(value, f"{found.name} (Legend)", page="legend", path=call.path)


async def _legend_entry(call: Call, item: MapLayer) -> dict[str, Any]:
    labels, files = [label for label, _ in entries(item.renderer)], await _swatches(call, item)
    pictures = await run_in_threadpool(lambda: [file.read_bytes() for file in files])
    return {
        "layerId": item.id,
        "layerName": item.name,
        "layerType": item.type,
        "minScale": 0,
        "maxScale": 0,
        "legend": [
            {
                "label": label,
                "url": file.stem,
                "imageData": base64.b64encode(picture).decode(),
                "contentType": "image/png",
                "height": _SWATCH,
                "width": _SWATCH,
            }
            for label, file, picture in zip(labels, files, pictures, strict=True)
        ],
    }


async def _swatches(call: Call, item: MapLayer) -> list[Path]:
    orders = [Swatch(symbol, _SWATCH, _SWATCH) for _, symbol in entries(item.renderer)]
    return await asyncio.gather(*(drawn(call, order) for order in orders))


async def image(call: Call) -> Response:
    """``…/<n>/images/<hash>``: one picture of the legend.

    Raises:
        NotFound: The legend has no such picture.
    """
    item = await run_in_threadpool(layer_of, call)
    for picture in await _swatches(call, item):
        if picture.stem == call.part("image"):
            return await picture_response(call, picture)
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
    rows = rows_of(found.features, Query(where=(call.parameters.text("where"),)))
    value = generate_renderer(definition, columns_at(found.features, rows), found.features.geometry_type)
    return Resource(value, "Generate Renderer", path=call.path)
