"""Results, jobs and maps as they are seen on a globe."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyproj import CRS

from gpserver.errors import InvalidRequest
from gpserver.features import Selection, describe_spatial_reference
from gpserver.features.geographic import WGS84
from gpserver.formats.scene import Features, Link, Overlay, Part, Scene
from gpserver.job import Job, Result
from gpserver.maps.document import MapLayer
from gpserver.maps.picture import Picture, Sheet
from gpserver.maps.view import Box, fitted, reprojected_box
from gpserver.protocols.esri.parameters import result_features
from gpserver.protocols.esri.wire import Call
from gpserver.rasters import read_facts, read_sample
from gpserver.symbology import drawing_info, raster_drawing_info

_NOWHERE = "The picture has no place on a globe."
_PIXELS = 2048  # of the longer side of a raster

Later = Callable[[], Scene]
"""A scene that is put together when somebody wants to see it, outside of the event loop."""


def of_results(call: Call, job: Job, results: Iterable[Result], name: str) -> Later | None:
    """Results of a job; None where none of them has a place on earth."""
    seen = _on_earth(results)
    return (lambda: _scene(call, name, (_shown(call, job, item) for item in seen))) if seen else None


def of_job(call: Call, job: Job) -> Later:
    """Links to the results of a job that have a place on earth."""

    def scene() -> Scene:
        seen = [item.name for item in call.site.engine.results(job.id) if _on_earth([item])]
        return _scene(call, job.task, [_link(call, name, f"{call.path}/results/{name}") for name in seen])

    return scene


def of_submitted(call: Call, task: str, path: str) -> Later:
    """A link to a job that has only begun, by the path of its URL."""
    return lambda: _scene(call, task, [_link(call, task, path)])


def of_links(call: Call, name: str, path: str, links: Iterable[tuple[str, str]]) -> Later:
    """Links by name and place, relative to a path of this server."""
    parts = [Link(title, f"{call.root}{quote(path)}/{place}") for title, place in links]
    return lambda: _scene(call, name, parts)


def _link(call: Call, name: str, path: str) -> Link:
    return Link(name, f"{call.root}{quote(path)}?f=kmz")


def of_layers(call: Call, layers: Iterable[MapLayer], name: str) -> Later:
    """Layers of a map with all that they have; tables have nothing."""
    return lambda: _scene(call, name, (_part(item) for item in layers))


def of_features(
    call: Call, name: str, selection: Selection, drawing: Mapping[str, Any] | None = None
) -> Later | None:
    """Some features; None where they have no geometry."""
    if selection.geometry_type is None:
        return None
    return lambda: _scene(call, name, [_features(name, selection, drawing)])


def of_picture(call: Call, name: str, order: Picture, crs: CRS | None) -> Later:
    """A picture in some spatial reference, drawn anew as it lies on the ground; the scene raises
    InvalidRequest where that is not on earth.
    """

    def scene() -> Scene:
        box = reprojected_box(order.box, crs, WGS84)
        if crs is None or box is None:
            raise InvalidRequest(_NOWHERE)
        ground = replace(_ground(order.sheets, box, max(order.width, order.height)), dpi=order.dpi)
        return _scene(call, name, [Overlay(name, ground)])

    return scene


def picture_url(call: Call, path: Path) -> str:
    """The absolute URL of a drawn picture."""
    return f"{call.rest}/directories/arcgisoutput/_ags_map{path.name}"


def _scene(call: Call, name: str, parts: Iterable[Part | None]) -> Scene:
    seen = tuple(part for part in parts if part)
    return Scene(name, seen, call.site.studio.draw, partial(picture_url, call))


def _on_earth(results: Iterable[Result]) -> list[Result]:
    """Features and rasters; each of those that are a list."""
    items = [item for result in results for item in result.parts or [result]]
    return [
        item
        for item in items
        if (item.layer and item.data_type == "GPFeatureRecordSetLayer") or _is_raster(item)
    ]


def _is_raster(item: Result) -> bool:
    return item.data_type.startswith("GPRaster") and (item.file or "").endswith(".tif")


def _shown(call: Call, job: Job, item: Result) -> Part | None:
    selection = result_features(call, job, item, whole=True)
    if selection is not None:
        return _features(item.name, selection, item.drawing)
    path = call.site.engine.dataset(job, item)
    drawing = item.drawing or raster_drawing_info(None, read_sample(path))
    return _part(MapLayer(0, item.name, read_facts(path), drawing, path))


def _features(name: str, selection: Selection, drawing: Mapping[str, Any] | None) -> Features:
    """Features in their look, or else in the usual one."""
    return Features(name, selection, drawing or drawing_info(None, str(selection.geometry_type)))


def _part(item: MapLayer) -> Part | None:
    if item.is_table:
        return None
    if not item.is_raster:
        return _features(item.name, Selection(item.features), item.drawing)
    box = item.box_in(WGS84)
    sheet = asdict(Sheet(str(item.path or ""), item.drawing))
    return Overlay(item.name, _ground([sheet], box, _PIXELS)) if box else None


def _ground(sheets: list[dict[str, Any]], box: Box, longest: int) -> Picture:
    """The order of a picture of a box in degrees, so many pixels along its longer side."""
    west, south, east, north = box
    box = max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)
    sides = box[2] - box[0], box[3] - box[1]
    if min(sides) < 0:
        raise InvalidRequest(_NOWHERE)
    width, height = (max(1, round(side / max(*sides, 1e-9) * longest)) for side in sides)
    box = fitted(box, width, height)
    return Picture(sheets, box, width, height, describe_spatial_reference(WGS84), "png32")
