"""What happens inside a child process: one job from raw inputs to stored results, or a look at its inputs."""

import shutil
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from pyproj import CRS
from shapely.geometry import box

from gpserver.addresses import Reach
from gpserver.catalog import Catalog
from gpserver.context import JobContext
from gpserver.datatypes import GPRasterData, GPRasterDataLayer, Stored
from gpserver.errors import GPServerError, InvalidValue, JobCancelled, TooLarge
from gpserver.features import Layer, parse_spatial_reference
from gpserver.finding import Finding
from gpserver.job import Input, Message, Progress, Result
from gpserver.layers import Place
from gpserver.parameter import Parameter
from gpserver.publishing import Task
from gpserver.rasters import read_sample
from gpserver.sources import Sources
from gpserver.symbology import Look, drawing_info, raster_drawing_info
from gpserver.uploads import Uploads
from gpserver.workspace import Workspace, excess

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries

PRELOAD = (
    *("gpserver.features.columns", "gpserver.features.files", "PIL.ImageColor"),
    *("gpserver.layers.parquet", "gpserver.layers.table", "pyarrow.parquet", "gpserver.eql"),
)
"""What most jobs need, and a server that runs none does not: children are forked when it is there."""

_RASTERS = (GPRasterDataLayer.name, GPRasterData.name)


class Channel(Protocol):
    """The worker's line to whoever started it."""

    def send(self, kind: str, *fields: object) -> None:
        """Send one event; waits when nobody reads."""

    def cancelled(self) -> bool:
        """Whether the job's cancel was asked for."""


@dataclass(frozen=True)
class Assignment:
    """What a worker must know to run one attempt of one job; travels as JSON."""

    job_id: str
    attempt: int
    service: str
    task: str
    services: str
    jobs: str
    inputs: list[dict[str, Any]]
    environment: dict[str, Any]
    uploads: str = ""
    reach: dict[str, Any] = field(default_factory=dict)
    owner: str = ""
    layers: dict[str, Any] = field(default_factory=dict)
    result_limit: int | None = None
    debug: bool = False


def run(payload: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Run one job and report how it went.

    Args:
        payload: The fields of an ``Assignment``.
        channel: Takes the messages and the progress while the task runs.

    Returns:
        ``{"status": "succeeded", "results": [...]}``, ``{"status": "cancelled"}`` or
        ``{"status": "failed", "errors": [text, ...]}``. A tool's failure is an answer, not an exception.
    """
    job = Assignment(**payload)
    return perform(job, channel, _catalog(job.services))


def perform(job: Assignment, channel: Channel, catalog: Catalog) -> dict[str, Any]:
    """As ``run``, with the task from a catalog that is there already."""
    try:
        return {"status": "succeeded", "results": [asdict(item) for item in _run(job, channel, catalog)]}
    except JobCancelled:
        return {"status": "cancelled"}
    except MemoryError:
        raise  # the sandbox knows the job's limit and says so
    except GPServerError as error:
        return {"status": "failed", "errors": [*str(error).splitlines(), *_trace(job, error)]}
    except Exception as error:
        if "bad_alloc" in str(error):  # as GEOS says it
            raise MemoryError from error
        return {"status": "failed", "errors": [f"{type(error).__name__}: {error}", *_trace(job, error)]}


def examine(payload: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Look at the inputs of a job that nobody has submitted yet.

    Args:
        payload: The fields of an ``Assignment``.
        channel: Nothing is sent.

    Returns:
        ``{"findings": [...]}`` with the fields of each ``Finding``, or ``{"problem": text}`` where the
        task cannot be had.
    """
    job = Assignment(**payload)
    return look(job, _catalog(job.services))


def look(job: Assignment, catalog: Catalog) -> dict[str, Any]:
    """As ``examine``, with the task from a catalog that is there already."""
    workspace = Workspace(Path(job.jobs), job.job_id)
    workspace.scratch(job.attempt).mkdir(parents=True, exist_ok=True)
    try:
        task = catalog.task(job.service, job.task)
        with _source(job, workspace) as source:
            findings = task.findings(_sent(job, workspace), source) + _environment_findings(job)
    except GPServerError as error:
        return {"problem": str(error)}
    return {"findings": [asdict(item) for item in findings]}


def _environment_findings(job: Assignment) -> list[Finding]:
    try:
        Environment.read(job.environment)
    except InvalidValue as error:
        return [Finding("", str(error))]
    return []


def _trace(job: Assignment, error: Exception) -> list[str]:
    return ["".join(traceback.format_exception(error))] if job.debug else []


def _run(job: Assignment, channel: Channel, catalog: Catalog) -> list[Result]:
    workspace = Workspace(Path(job.jobs), job.job_id)
    results = workspace.results(job.attempt)
    results.mkdir(parents=True, exist_ok=True)
    task = catalog.task(job.service, job.task)
    layers = Place(**job.layers).open(job.owner)
    context = JobContext(_sender(channel), workspace.scratch(job.attempt), channel.cancelled, layers)
    arguments = _arguments(task, job, workspace)
    _heed(task.check(arguments), context)
    environment = Environment.read(job.environment)
    arguments = {name: environment.apply(value) for name, value in arguments.items()}
    with context.logging():
        returned = task.function(context, **arguments) if task.wants_context else task.function(**arguments)
    values = task.results(returned)
    saved = [_save(parameter, values.get(parameter.name), results) for parameter in task.outputs]
    if too_large := excess("results", [results], job.result_limit):
        shutil.rmtree(results)
        raise TooLarge(too_large)
    return [_drawn(context, *pair, results) for pair in zip(task.outputs, saved, strict=True)]


@cache
def _catalog(services: str) -> Catalog:
    # One per warm child; it reloads a service's file only when that was edited.
    return Catalog(Path(services), strict=True)


def _sender(channel: Channel) -> Callable[[Message | Progress], None]:
    def send(event: Message | Progress) -> None:
        if isinstance(event, Message):
            channel.send("message", event.type, event.text, event.at)
        else:
            channel.send("progress", event.text, event.percent, event.detail)

    return send


def _heed(findings: list[Finding], context: JobContext) -> None:
    for finding in findings:
        if not finding.is_error:
            context.warning(finding.text)
    if errors := [finding.text for finding in findings if finding.is_error]:
        raise InvalidValue("\n".join(errors))


def _sent(job: Assignment, workspace: Workspace) -> dict[str, Any]:
    """What the client sent, by parameter."""
    return {item["name"]: _raw(Input(**item), workspace) for item in job.inputs}


def _arguments(task: Task, job: Assignment, workspace: Workspace) -> dict[str, Any]:
    raw = _sent(job, workspace)
    with _source(job, workspace) as source:
        arguments = task.arguments(raw, source)
    by_name = {parameter.name: parameter for parameter in task.inputs}
    for item in [Input(**item) for item in job.inputs]:
        if item.file:
            parameter = by_name[item.name]
            workspace.confirm(item, _sound(parameter, arguments[parameter.argument], raw[item.name]))
    return arguments


def _source(job: Assignment, workspace: Workspace) -> Sources:
    reach = Reach(**job.reach)
    return Sources(workspace.fetched(job.attempt), reach, Uploads(Path(job.uploads)), job.owner)


def _raw(item: Input, workspace: Workspace) -> Any:
    if item.file:
        return workspace.read(item)
    return item.texts[0] if len(item.texts) == 1 else list(item.texts)


def _sound(parameter: Parameter, value: object, raw: bytes) -> bytes:
    """The JSON text of a large input; a table or feature set rests as it came."""
    from pandas import DataFrame

    return raw if isinstance(value, DataFrame) else orjson.dumps(parameter.data_type.shown(raw))


def _save(parameter: Parameter, value: object, folder: Path) -> Result:
    kind = parameter.data_type
    try:
        kind = kind if value is None else kind.concrete(value)
        stored = kind.save(value, folder, parameter.name) if value is not None else Stored(value=kind.empty())
    except InvalidValue as error:
        raise InvalidValue(f"{parameter.name}: {error}") from error
    return Result(parameter.name, kind.name, stored.value, stored.layer, stored.file, stored.rows)


def _drawn(job: JobContext, parameter: Parameter, result: Result, folder: Path) -> Result:
    """The result with its look on the map; what it cannot have becomes a warning, and the usual look."""
    if not (result.layer or (result.file and result.data_type in _RASTERS)):
        return result
    path = folder / (result.layer or result.file or "")
    try:
        drawing = _drawing(parameter.symbology, path)
    except GPServerError as error:
        job.warning(f"{parameter.name} is drawn in the usual way: {error}")
        drawing = _drawing(None, path)
    return replace(result, drawing=drawing)


def _drawing(symbology: Look | Mapping[str, Any] | None, path: Path) -> dict[str, Any] | None:
    """Esri drawingInfo of a stored result, which may follow from its values; None for a table."""
    if path.suffix == ".tif":
        return raster_drawing_info(symbology, read_sample(path))
    layer = Layer.open(path)
    return drawing_info(symbology, layer.geometry_type, layer.column) if layer.geometry_type else None


@dataclass(frozen=True)
class Environment:
    """The geoprocessing environment that a client asked for.

    Feature inputs are reprojected to ``process_sr``, and only those that touch ``extent`` (a frame of
    one box in its own spatial reference) are processed.
    """

    process_sr: CRS | None = None
    extent: "GeoSeries | None" = None

    @classmethod
    def read(cls, environment: Mapping[str, Any]) -> "Environment":
        """Read the settings of a submit; ``out_sr`` is only checked, it is applied when results are fetched.

        Raises:
            InvalidValue: A spatial reference or the extent cannot be read.
        """
        parse_spatial_reference(environment.get("out_sr"))
        return cls(parse_spatial_reference(environment.get("process_sr")), _extent(environment.get("extent")))

    def apply(self, value: object) -> object:
        """The value as the task sees it."""
        if self.extent is None and self.process_sr is None:
            return value
        from geopandas import GeoDataFrame

        if not isinstance(value, GeoDataFrame) or value.crs is None:
            return value
        frame = value if self.extent is None else _within(value, self.extent)
        return frame.to_crs(self.process_sr) if self.process_sr else frame


def _within(frame: "GeoDataFrame", extent: "GeoSeries") -> "GeoDataFrame":
    area = extent.to_crs(frame.crs) if extent.crs else extent
    return frame[frame.intersects(area.iloc[0])].reset_index(drop=True)


def _extent(extent: Any) -> "GeoSeries | None":
    if not extent:
        return None
    from geopandas import GeoSeries

    try:
        xmin, ymin, xmax, ymax = (float(extent[name]) for name in ("xmin", "ymin", "xmax", "ymax"))
    except (KeyError, TypeError, ValueError):
        raise InvalidValue("The extent of 'context' needs the numbers xmin, ymin, xmax and ymax.") from None
    crs = parse_spatial_reference(extent.get("spatialReference") or extent.get("spatial_reference"))
    return GeoSeries([box(xmin, ymin, xmax, ymax)], crs=crs)
