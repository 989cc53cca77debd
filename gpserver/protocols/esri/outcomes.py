"""What a page says of each result of a job: its value or its size, its picture, and links in every format."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gpserver.features import Selection
from gpserver.features.geographic import WGS84
from gpserver.formats import Resource, names_for
from gpserver.formats.table import text_of
from gpserver.job import Job, Result
from gpserver.maps.view import reprojected_box
from gpserver.protocols.esri import scenes
from gpserver.protocols.esri.parameters import result_features, result_value
from gpserver.protocols.esri.wire import Call

_SHOWN = 400  # characters of a value


@dataclass(frozen=True, slots=True)
class Outcome:
    """One result on a page; ``url`` is its own page, ``file`` where it can be downloaded, if it is a file."""

    name: str
    data_type: str
    url: str
    formats: tuple[str, ...]
    rows: int | None = None
    picture: str = ""
    file: str = ""
    text: str = ""


def outcomes(call: Call, job: Job, place: str) -> list[Outcome]:
    """The results of a succeeded job.

    Args:
        call: The request for the page.
        job: The job.
        place: The URL path of the job.
    """
    return [_outcome(call, job, result, place) for result in call.site.engine.results(job.id)]


def picture_of(result: Result, url: str, size: str) -> str:
    """The URL of a picture of a result, of ``width,height`` pixels; empty for what is never drawn."""
    return f"{url}?f=image&size={size}" if result.drawing and result.rows != 0 else ""


def extent_of(features: Selection | None) -> str:
    """``west,south,east,north`` of features in degrees; empty where that is not known."""
    layer = features.layer if features else None
    if layer is None or layer.extent is None or layer.crs is None:
        return ""
    xmin, ymin, xmax, ymax = layer.extent
    box = reprojected_box((xmin, ymin, xmax, ymax), layer.crs, WGS84)
    return ",".join(f"{side:.7g}" for side in box) if box else ""


def _outcome(call: Call, job: Job, result: Result, place: str) -> Outcome:
    url = f"{place}/results/{result.name}"
    scene = scenes.of_results(call, job, [result], result.name)
    formats = names_for(Resource(None, features=result_features(call, job, result), scene=scene))
    if result.layer or result.parts:
        rows = len(result.parts) if result.parts else result.rows
        picture = picture_of(result, url, "960,540")
        return Outcome(result.name, result.data_type, url, formats, rows, picture)
    value = result_value(call, job, result)["value"]
    if isinstance(value, Mapping) and "url" in value:
        picture = picture_of(result, url, "960,540")
        return Outcome(result.name, result.data_type, url, formats, picture=picture, file=value["url"])
    return Outcome(result.name, result.data_type, url, formats, text=_text(result.data_type, value))


def _text(data_type: str, value: Any) -> str:
    if data_type == "GPDate" and isinstance(value, int):
        value = datetime.fromtimestamp(value / 1000, UTC)
    if value in ({}, []):
        return ""
    if isinstance(value, dict | list | bool):
        value = orjson.dumps(value).decode()
    text = text_of(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
