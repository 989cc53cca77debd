"""Finds the map that a URL names: of a job, or of a service before any job."""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gpserver.datatypes import GPRasterDataLayer
from gpserver.engine import Engine
from gpserver.errors import NotFound, PublishingError
from gpserver.features import Layer, parse_spatial_reference
from gpserver.job import Job, JobStatus
from gpserver.maps.document import Map, MapLayer
from gpserver.parameter import Parameter
from gpserver.protocols.esri.log import JOB_ID
from gpserver.protocols.esri.wire import Call
from gpserver.publishing import Service, Task
from gpserver.rasters import RasterFacts, read_facts
from gpserver.symbology import drawing_info, raster_drawing_info

# Data types whose results are layers of the map.
_DATASETS = ("GPFeatureRecordSetLayer", "GPRecordSet", "GPRasterDataLayer", "GPRasterData")


class Output(NamedTuple):
    """An output that is a layer; the tasks of a service share the numbers of its one static map."""

    number: int
    task: Task
    parameter: Parameter


def map_of(call: Call) -> Map:
    """The map that the path names.

    Raises:
        NotFound: There is no such service, job or map.
    """
    catalog, name = call.site.catalog, call.part("service")
    if catalog.changed():
        catalog.refresh()
    if job_id := call.part("job_id"):
        return map_of_job(call, _job(call, name, job_id))
    service = catalog.service(name)
    if not service.result_map_service:
        raise NotFound(f"The service {service.full_name} has no result map service.")
    return _map_before_jobs(call.site.engine, service)


def layer_of(call: Call) -> MapLayer:
    """The layer of that map that the path names.

    Raises:
        NotFound: There is none.
    """
    number = call.part("layer")
    if not number.isdecimal():
        raise NotFound(f"There is no layer {number}; layers have numbers.")
    return map_of(call).layer(int(number))


def map_of_job(call: Call, job: Job) -> Map:
    """The map of a succeeded job: its datasets, in the order of the outputs."""
    engine, outputs = call.site.engine, _outputs_of(call, job)
    behind = 1 + max((output.number for output in outputs.values()), default=-1)
    layers = []
    for number, result in enumerate(engine.results(job.id)):
        if result.data_type in _DATASETS and (result.layer or result.file):
            path, output = engine.dataset(job, result), outputs.get(result.name)
            # A composite output is a dataset in some jobs only: it comes behind those that always are.
            number = output.number if output else behind + number
            time_field = output.parameter.time_field if output else ""
            layers.append(MapLayer(number, result.name, _open(path), result.drawing or {}, path, time_field))
    return Map(job.service.rpartition("/")[2], "", tuple(layers))


@lru_cache(maxsize=32)
def _open(path: Path) -> Layer | RasterFacts:
    return read_facts(path) if path.suffix == ".tif" else Layer.open(path)


def _job(call: Call, service: str, job_id: str) -> Job:
    match = JOB_ID.fullmatch(job_id.lower())
    job = call.site.engine.job(match[1]) if match else None
    if job is None or job.service.lower() != service.lower() or not job.terms.result_map_service:
        raise NotFound(f"There is no map of a job {job_id} of {service}.")
    if job.status is not JobStatus.SUCCEEDED:
        raise NotFound(f"Job {job_id} has not succeeded, so it has no map.")
    return job


def _outputs_of(call: Call, job: Job) -> dict[str, Output]:
    """The layers of a job's task by name; none when its service was withdrawn in the meantime."""
    try:
        service = call.site.catalog.service(job.service)
    except NotFound:
        return {}
    return {item.parameter.name: item for item in _outputs(service) if item.task.name == job.task}


def _outputs(service: Service) -> list[Output]:
    tasks: list[Task] = list(service.tasks)
    datasets = [(task, item) for task in tasks for item in task.outputs if item.data_type.name in _DATASETS]
    return [Output(number, *pair) for number, pair in enumerate(datasets)]


def _map_before_jobs(engine: Engine, service: Service) -> Map:
    """What the map of a job will look like: empty layers, with the fields of the latest one."""
    layers = [_layer_before_jobs(engine, service, output) for output in _outputs(service)]
    return Map(service.name, service.description, tuple(layers))


def _layer_before_jobs(engine: Engine, service: Service, output: Output) -> MapLayer:
    number, task, parameter = output
    if isinstance(parameter.data_type, GPRasterDataLayer):
        drawing = raster_drawing_info(parameter.symbology, np.zeros(0))
        return MapLayer(number, parameter.name, RasterFacts(None, parse_spatial_reference(4326), 1), drawing)
    data = _latest(engine, service, task, parameter) or Layer.empty(_geometry_type(parameter))
    return MapLayer(number, parameter.name, data, _look(parameter, data), time_field=parameter.time_field)


def _look(parameter: Parameter, data: Layer) -> dict[str, Any]:
    if data.geometry_type is None:
        return {}
    try:
        return drawing_info(parameter.symbology, data.geometry_type)
    except PublishingError:
        # It is for another type of geometry, which the output may have as well; a job's own layer will say.
        return drawing_info(None, data.geometry_type)


def _geometry_type(parameter: Parameter) -> str | None:
    """The geometry type that clients were told; None for a table."""
    geometry_type: str | None = parameter.data_type.schema().get("geometryType")
    return geometry_type


def _latest(engine: Engine, service: Service, task: Task, parameter: Parameter) -> Layer | None:
    job = engine.latest(service, task)
    for result in engine.results(job.id) if job else []:
        if job and result.name == parameter.name and result.layer:
            return engine.layer(job, result).emptied()
    return None
