"""Result map services as pictures: export, tiles, and results as map images."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from pyproj import CRS
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gpserver.errors import InvalidRequest, NotFound
from gpserver.features import describe_spatial_reference, parse_spatial_reference
from gpserver.formats import FILES, Resource
from gpserver.job import Job, Result
from gpserver.maps.description import MAX_SIZE, describe_extent
from gpserver.maps.document import Map
from gpserver.maps.picture import FORMATS, Picture, Work
from gpserver.maps.view import Box, View, fitted, reprojected_box
from gpserver.protocols.esri import scenes
from gpserver.protocols.esri.maplayers import sheets
from gpserver.protocols.esri.maps import map_of, map_of_job
from gpserver.protocols.esri.wire import Call
from gpserver.protocols.form import Parameters

_WEB_MERCATOR = CRS.from_epsg(3857)
_HALF_WORLD = 20037508.342789244  # metres from the middle of Web Mercator to its edge
_TILE = 256  # pixels
_LEVELS = 24
_SIZE = "400,400"


async def export(call: Call) -> Resource | Response:
    """``…/export``: the map as a picture, or where the picture is.

    Raises:
        InvalidRequest: ``bbox``, ``size`` or another parameter cannot be understood.
    """
    return await _picture(call, partial(map_of, call))


async def map_image(call: Call, job: Job, result: Result) -> Resource | Response:
    """A result as ArcGIS gives it where each job is a map: a picture of it alone, or where that is.

    Raises:
        InvalidRequest: ``bbox``, ``size`` or another parameter of export cannot be understood.
    """

    def alone() -> Map:
        whole = map_of_job(call, job)
        return replace(whole, layers=tuple(item for item in whole.layers if item.name == result.name))

    answer = await _picture(call, alone)
    if isinstance(answer, Response):
        return answer
    value = {"paramName": result.name, "dataType": result.data_type, "value": {"mapImage": answer.value}}
    return replace(answer, value=value, title=result.name, page="parameter")


async def _picture(call: Call, find: Callable[[], Map]) -> Resource | Response:
    def ordered() -> tuple[Map, View, Picture]:
        found = find()
        view = _view(call.parameters, found)
        return found, view, _order(call.parameters, found, view)

    found, view, order = await run_in_threadpool(ordered)
    answer = Resource({}, "Export Map", page="picture", path=call.path, name=found.name)
    answer = replace(answer, scene=scenes.of_picture(call, found.name, order, view.crs))
    if call.format in FILES:  # draws another one
        return answer
    path = await drawn(call, order)
    if call.format == "image":
        return await picture_response(call, path)
    return replace(answer, value=picture_value(call, path, view))


def picture_value(call: Call, path: Path, view: View) -> dict[str, Any]:
    """Where a picture is and what it shows, as ArcGIS says it."""
    return {
        "href": scenes.picture_url(call, path),
        "width": view.width,
        "height": view.height,
        "extent": describe_extent(view.box, view.crs),
        "scale": view.scale,
    }


async def drawn(call: Call, order: Work) -> Path:
    """The file of a picture, once it is drawn."""
    # Not cancelled with its request: another one may wait for the same picture.
    return await asyncio.shield(asyncio.wrap_future(call.site.studio.draw(order)))


async def picture_response(call: Call, path: Path) -> Response:
    """A picture's bytes, or word that the client has them."""
    etag = f'"{path.stem}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    if call.request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    content = await run_in_threadpool(path.read_bytes)
    return Response(content, headers=headers, media_type=FORMATS[path.suffix[1:]])


async def output(call: Call) -> Response:
    """``/directories/arcgisoutput/<file>``: a picture that an export has named.

    Raises:
        NotFound: There is none, or it was kept long enough.
    """
    path = call.site.studio.picture(call.part("file").removeprefix("_ags_map"))
    if path is None or path.suffix[1:] not in FORMATS:
        raise NotFound(f"There is no file {call.part('file')}.")
    return await picture_response(call, path)


async def tile(call: Call) -> Response:
    """``…/tile/<level>/<row>/<column>``: a tile of the Web Mercator scheme of web maps.

    Raises:
        NotFound: There is no such tile.
    """
    view = _tile_view(call)
    order = await run_in_threadpool(lambda: _order(call.parameters, map_of(call), view))
    return await picture_response(call, await drawn(call, replace(order, transparent=True)))


def _tile_view(call: Call) -> View:
    try:
        level, row, column = (int(call.part(name)) for name in ("level", "row", "column"))
    except ValueError:
        raise NotFound("Tiles are numbered: tile/<level>/<row>/<column>.") from None
    if not (0 <= level < _LEVELS and 0 <= row < 2**level and 0 <= column < 2**level):
        raise NotFound(f"There is no tile {level}/{row}/{column}.")
    size = 2 * _HALF_WORLD / 2**level
    left, top = column * size - _HALF_WORLD, _HALF_WORLD - row * size
    return View((left, top - size, left + size, top), _TILE, _TILE, _WEB_MERCATOR)


def _order(asked: Parameters, found: Map, view: View) -> Picture:
    name = asked.text("format", "png").lower()
    if name not in FORMATS:
        raise InvalidRequest(f"'format' is {name}; this server draws {', '.join(FORMATS)}.")
    return Picture(
        [asdict(sheet) for sheet in sheets(asked, found)],
        view.box,
        view.width,
        view.height,
        describe_spatial_reference(view.crs),
        name,
        dpi=view.dpi,
        rotation=view.rotation,
        transparent=asked.flag("transparent"),
    )


def _view(asked: Parameters, found: Map) -> View:
    crs = parse_spatial_reference(asked.text("imageSR") or asked.text("bboxSR")) or found.crs
    width, height = _size(asked)
    box = _bbox(asked, found, parse_spatial_reference(asked.text("bboxSR")) or found.crs, crs)
    dpi, rotation = asked.number("dpi", 96), asked.number("rotation", 0)
    if not 1 <= dpi <= 2400:
        raise InvalidRequest(f"'dpi' is {dpi:g}; it may be 1 to 2400.")
    return View(fitted(box, width, height), width, height, crs, dpi, rotation)


def _size(asked: Parameters) -> tuple[int, int]:
    try:
        width, height = (round(float(part)) for part in asked.text("size", _SIZE).split(","))
    except (ValueError, OverflowError):
        raise InvalidRequest("'size' is the width and the height in pixels, such as 400,400.") from None
    if width < 1 or height < 1:
        raise InvalidRequest(f"'size' is {width},{height}; both must be at least 1.")
    if width > MAX_SIZE or height > MAX_SIZE:
        raise InvalidRequest(
            f"The requested image size {width},{height} exceeds the maximum of {MAX_SIZE},{MAX_SIZE} pixels."
        )
    return width, height


def _bbox(asked: Parameters, found: Map, source: CRS | None, target: CRS | None) -> Box:
    text = asked.text("bbox")
    if not text:
        extent = describe_extent(found.extent, found.crs)
        xmin, ymin, xmax, ymax = (extent[name] for name in ("xmin", "ymin", "xmax", "ymax"))
        source = found.crs
    else:
        xmin, ymin, xmax, ymax = _corners(text)
    box = reprojected_box(
        (min(xmin, xmax), min(ymin, ymax), max(xmin, xmax), max(ymin, ymax)), source, target
    )
    if box is None:
        raise InvalidRequest("'bbox' lies outside of the spatial reference of the picture.")
    return box


def _corners(text: str) -> Iterable[float]:
    try:
        corners = [float(part) for part in text.strip("{}[] ").split(",")]
        if len(corners) != 4:
            raise ValueError
    except ValueError:
        raise InvalidRequest("'bbox' needs four numbers: xmin,ymin,xmax,ymax.") from None
    return corners
