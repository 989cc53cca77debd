"""Tiles of catalogues of rasters, and what there is to say of one raster."""

import asyncio
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gpserver.errors import InvalidRequest, NotFound
from gpserver.layers import LayerInfo
from gpserver.maps.picture import MEDIA_TYPES, Inspection, Tile
from gpserver.protocols.evergis.wire import Call, Routes

_LAST = re.compile(r"(\d{1,10})(?:@(\d{1,3}(?:\.\d{1,3})?)x)?(?:\.(\w{1,10}))?", re.ASCII)
_FORMATS = {"": "png", "png": "png", "jpg": "jpg", "jpeg": "jpg", "webp": "webp"}
_SIDE = 256  # pixels of a tile
_SHARPEST = 4  # times as many
_DEEPEST = 30  # levels
_MOST_IDS = 1000


async def tile(call: Call) -> Response:
    """``GET /layers/{name}/tile/{z}/{x}/{y}[@{dpi}x][.{format}]?ids``: XYZ of Web Mercator, 256 pixels.

    Where there is no raster the tile is transparent (white as jpg), never an error: that is what every map
    library takes for nothing.

    Raises:
        NotFound: There is no such layer, it has no rasters, or there is no such tile in the world.
        InvalidRequest: The format, the dpi or the ids cannot be.
    """
    z, x, y, size, format = _place(call)
    info = await run_in_threadpool(_catalogue, call)
    order = Tile(**_whose(call, info), z=z, x=x, y=y, size=size, format=format, ids=_ids(call))
    return await _answer(call, order, MEDIA_TYPES[format])


async def metadata(call: Call) -> Response:
    """``GET /layers/{name}/{id}/metadata?min&max``: size, place, and histograms of the bands of a raster.

    Raises:
        NotFound: There is no such layer, or no such raster in it.
        InvalidRequest: A limit of the histogram is no number.
    """
    low, high = _number(call, "min"), _number(call, "max")
    info = await run_in_threadpool(_catalogue, call)
    row = int(call.part("id")) if re.fullmatch(r"\d{1,18}", call.part("id"), re.ASCII) else -1
    if not await run_in_threadpool(call.site.layers.rasters.path(info, row).is_file):
        raise NotFound(f"The layer {info.name} has no raster {call.part('id')[:50]}.")
    return await _answer(
        call, Inspection(**_whose(call, info), row=row, low=low, high=high), "application/json"
    )


def _place(call: Call) -> tuple[int, int, int, int, str]:
    """z, x, y, pixels of a side, format."""
    last = _LAST.fullmatch(call.part("tile"))
    if not last or not all(re.fullmatch(r"\d{1,10}", call.part(name), re.ASCII) for name in "zx"):
        raise NotFound("A tile is …/tile/{z}/{x}/{y}, then perhaps @2x, then perhaps .png, .jpg or .webp.")
    z, x, y = int(call.part("z")), int(call.part("x")), int(last[1])
    if z > _DEEPEST or max(x, y) >= 1 << z:
        raise NotFound(f"There is no tile {z}/{x}/{y}: z goes to {_DEEPEST}, x and y to 2^z - 1.")
    sharpness = float(last[2] or 1)
    if not 0.5 <= sharpness <= _SHARPEST:
        raise InvalidRequest(f"A tile can be 0.5 to {_SHARPEST} times as sharp, not {last[2]} times.")
    format = (last[3] or "").lower()
    if format not in _FORMATS:
        raise InvalidRequest(f"There are no tiles as {format}; there are png, jpg and webp.")
    return z, x, y, round(_SIDE * sharpness), _FORMATS[format]


def _catalogue(call: Call) -> LayerInfo:
    info = call.site.layers.find(call.part("name"))
    if info.kind != "rasters":
        raise NotFound(f"The layer {info.name} has features, no rasters: ask for them by /features.")
    return info


def _whose(call: Call, info: LayerInfo) -> dict[str, Any]:
    """How a picture of a layer is ordered; one picture serves all who may see it."""
    place = asdict(call.site.clerk.place)
    return {"place": place, "owner": info.owner, "layer": info.name, "version": info.version}


def _ids(call: Call) -> tuple[int, ...]:
    texts = call.texts("ids")
    if len(texts) > _MOST_IDS or not all(re.fullmatch(r"-?\d{1,18}", text, re.ASCII) for text in texts):
        raise InvalidRequest(f"'ids' are up to {_MOST_IDS} whole numbers with commas between them.")
    return tuple(sorted(map(int, texts)))


def _number(call: Call, name: str) -> float | None:
    text = call.parameters.text(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequest(f"'{name}' is a number, not {text[:50]}.")
    return value


async def _answer(call: Call, order: Tile | Inspection, media_type: str) -> Response:
    # Not cancelled with its request: another one may wait for the same picture.
    path = await asyncio.shield(asyncio.wrap_future(call.site.studio.draw(order)))
    etag = f'"{path.stem}"'
    headers = {"etag": etag, "cache-control": "no-cache, private"}
    if call.request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(await run_in_threadpool(Path.read_bytes, path), headers=headers, media_type=media_type)


ROUTES: Routes = (
    (("GET",), "/layers/{name}/tile/{z}/{x}/{tile}", tile),
    (("GET",), "/layers/{name}/{id}/metadata", metadata),
)
