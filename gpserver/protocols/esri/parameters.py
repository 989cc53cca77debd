"""The values of a job's results and inputs, as ArcGIS writes them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gpserver.datatypes import GPComposite, GPValueTable, data_type
from gpserver.errors import NotFound
from gpserver.features import Layer, Selection, esri_json, parse_spatial_reference
from gpserver.formats import JSONText
from gpserver.job import Input, Job, Result
from gpserver.maps.picture import Reading
from gpserver.parameter import Parameter
from gpserver.protocols.esri.log import esri_id
from gpserver.protocols.esri.wire import Call

_CHUNK = 1 << 20
_ROWS = ("GPFeatureRecordSetLayer", "GPRecordSet")


def result_value(call: Call, job: Job, result: Result) -> dict[str, Any]:
    """``{"paramName", "dataType", "value"}`` of one result, in the shape and spatial reference asked for."""
    return {"paramName": result.name, "dataType": result.data_type, "value": _output(call, job, result)}


def input_value(call: Call, job: Job, item: Input) -> dict[str, Any]:
    """``{"paramName", "dataType", "value"}`` of one input: what was sent, or else the default."""
    return {"paramName": item.name, "dataType": item.data_type, "value": _sent(call, job, item)}


def input_reading(call: Call, job: Job, item: Input) -> Reading | None:
    """The order of an input as a layer; None where it is none, or was left out.

    Raises:
        NotFound: No worker has read it yet, or it could not be read.
    """
    if item.data_type not in _ROWS:
        return None
    if item.file:
        return Reading(item.data_type, file=str(call.site.engine.large_input(job, item)))
    return Reading(item.data_type, item.texts[-1]) if item.texts else None


def files_of(service: str) -> str:
    """The folder of a service's output files below ``directories/arcgisjobs``."""
    return f"{service.lower()}_gpserver"


def _output(call: Call, job: Job, result: Result) -> Any:
    if parts := result.parts:
        return _together(call, result, parts, [_output(call, job, part) for part in parts])
    selection = result_features(call, job, result)
    if selection is not None:
        return _features(call, selection)
    if result.file:
        folder = f"{call.rest}/directories/arcgisjobs/{files_of(job.service)}/{esri_id(job.id)}/scratch"
        place = {"url": f"{folder}/{quote(result.file)}"}
        return place | {"format": "tif"} if result.data_type.startswith("GPRasterData") else place
    return [] if result.data_type == GPValueTable.name else result.value


def _together(call: Call, result: Result, parts: list[Result], values: list[Any]) -> list[Any]:
    """The values of a list, or of a table's cells: rows as arrays, with ``returnColumnName`` as objects."""
    if result.data_type == GPValueTable.name:
        names = [column["name"] for column in result.value["columns"]]
        rows = [values[start : start + len(names)] for start in range(0, len(values), len(names))]
        with_names = call.parameters.flag("returnColumnName")
        return [dict(zip(names, row, strict=True)) for row in rows] if with_names else rows
    if result.data_type.endswith(GPComposite.name):
        pairs = zip(parts, values, strict=True)
        return [{"dataType": part.data_type, "value": value} for part, value in pairs]
    return values


def result_features(call: Call, job: Job, result: Result, *, whole: bool = False) -> Selection | None:
    """The features or rows of a result, in the spatial reference asked for; None for any other result.

    Too many of them are none at all, as in ArcGIS, unless the ``whole`` of them goes to a file.
    """
    if not result.layer:
        return None
    layer = call.site.engine.layer(job, result)
    # A geoprocessing result is never given in part.
    exceeded = not whole and layer.rows > job.terms.maximum_records
    rows = layer.order[:0] if exceeded else None
    return replace(chosen(call, layer, job.environment.get("out_sr")), rows=rows, exceeded=exceeded)


def chosen(call: Call, layer: Layer, out_sr: Any = None) -> Selection:
    """All of a layer in the spatial reference asked for, or else in ``out_sr``."""
    asked = call.parameters
    return Selection(
        layer,
        out_crs=parse_spatial_reference(asked.text("outSR") or out_sr),
        return_z=asked.flag("returnZ"),
        return_m=asked.flag("returnM"),
    )


def _features(call: Call, selection: Selection) -> Any:
    features = JSONText(esri_json.write(selection))
    if call.parameters.flag("returnFeatureCollection"):
        return {"layerDefinition": selection.layer.layer_definition(), "featureSet": features}
    return features


def _sent(call: Call, job: Job, item: Input) -> Any:
    declared = _declared(call, job, item)
    kind = declared.data_type if declared else data_type(item.data_type)
    if item.file and not kind.hidden:
        return JSONText(_chunks(call.site.engine.large_input(job, item)))
    value = kind.shown(item.texts[0] if len(item.texts) == 1 else list(item.texts))
    default = declared.default_value if declared else kind.empty()
    return default if value is None else value


def _declared(call: Call, job: Job, item: Input) -> Parameter | None:
    """The parameter as it is published now; None when it is not any more."""
    try:
        parameters = call.site.catalog.task(job.service, job.task).inputs
    except NotFound:
        return None
    return next(
        (each for each in parameters if (each.name, each.data_type.name) == (item.name, item.data_type)), None
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
