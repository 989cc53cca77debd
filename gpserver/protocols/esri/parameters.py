"""The values of a job's results and inputs, as ArcGIS writes them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gpserver.datatypes import DataType, data_type
from gpserver.errors import InvalidValue, NotFound
from gpserver.features import Selection, esri_json, parse_spatial_reference
from gpserver.formats import JSONText
from gpserver.job import Input, Job, Result
from gpserver.protocols.esri.log import esri_id
from gpserver.protocols.esri.wire import Call

_CHUNK = 1 << 20


def result_value(call: Call, job: Job, result: Result) -> dict[str, Any]:
    """``{"paramName", "dataType", "value"}`` of one result, in the shape and spatial reference asked for."""
    return {"paramName": result.name, "dataType": result.data_type, "value": _output(call, job, result)}


def input_value(call: Call, job: Job, item: Input) -> dict[str, Any]:
    """``{"paramName", "dataType", "value"}`` of one input: what was sent, or else the default."""
    return {"paramName": item.name, "dataType": item.data_type, "value": _sent(call, job, item)}


def files_of(service: str) -> str:
    """The folder of a service's output files below ``directories/arcgisjobs``."""
    return f"{service.lower()}_gpserver"


def _output(call: Call, job: Job, result: Result) -> Any:
    if parts := result.parts:
        return [_output(call, job, part) for part in parts]
    selection = result_features(call, job, result)
    if selection is not None:
        return _features(call, selection)
    if result.file:
        folder = f"{call.rest}/directories/arcgisjobs/{files_of(job.service)}/{esri_id(job.id)}/scratch"
        place = {"url": f"{folder}/{quote(result.file)}"}
        return place | {"format": "tif"} if result.data_type == "GPRasterDataLayer" else place
    return result.value


def result_features(call: Call, job: Job, result: Result) -> Selection | None:
    """The features or rows of a result, in the spatial reference asked for; None for any other result."""
    if not result.layer:
        return None
    parameters, layer = call.parameters, call.site.engine.layer(job, result)
    exceeded = layer.rows > job.terms.maximum_records  # a geoprocessing result is never given in part
    return Selection(
        layer,
        rows=layer.order[:0] if exceeded else None,
        out_crs=parse_spatial_reference(parameters.text("outSR") or job.environment.get("out_sr")),
        return_z=parameters.flag("returnZ"),
        return_m=parameters.flag("returnM"),
        exceeded=exceeded,
    )


def _features(call: Call, selection: Selection) -> Any:
    features = JSONText(esri_json.write(selection))
    if call.parameters.flag("returnFeatureCollection"):
        return {"layerDefinition": selection.layer.layer_definition(), "featureSet": features}
    return features


def _sent(call: Call, job: Job, item: Input) -> Any:
    if item.file:
        return JSONText(_chunks(call.site.engine.large_input(job, item)))
    kind = data_type(item.data_type)
    try:
        value = kind.decode(item.texts[0] if len(item.texts) == 1 else list(item.texts))
    except InvalidValue:
        # The job failed on it; what was sent is then the best answer there is.
        return item.texts[-1]
    return _default(call, job, item, kind) if value is None else kind.encode(value)


def _default(call: Call, job: Job, item: Input, kind: DataType) -> Any:
    try:
        parameters = call.site.catalog.task(job.service, job.task).inputs
    except NotFound:
        return kind.empty()
    return next((each.default_value for each in parameters if each.name == item.name), kind.empty())


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
