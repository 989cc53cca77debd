"""Services without Python: task resources recorded from a real server, and a folder of results for each.

A folder that a person fills with curl publishes one service::

    Proximity.GPServer/
        service.json               GPServer?f=json; may be missing
        BufferPoints.json          GPServer/BufferPoints?f=json
        BufferPoints/              what each of its jobs results in, read when the job runs
            Output_Polygons.json   …/jobs/<id>/results/Output_Polygons?f=json, or the value alone
            Report.pdf             the bytes of a file or a raster, under any ending but .json
            messages.json          …/jobs/<id>?f=json, or its messages alone; may be missing
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import orjson

from gpserver.canned.declaration import parameter
from gpserver.canned.results import Results
from gpserver.errors import PublishingError
from gpserver.naming import display_name
from gpserver.publishing import Service, Task

SUFFIX = ".GPServer"
"""How the name of a folder ends that is a service."""

_SERVICE = "service.json"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Described = TypeVar("Described", bound=msgspec.Struct)


class _Task(msgspec.Struct, frozen=True, rename="camel"):
    parameters: list[dict[str, Any]]
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    category: str | None = None
    execution_type: str | None = None


class _Service(msgspec.Struct, frozen=True, rename="camel"):
    service_description: str | None = None
    execution_type: str | None = None
    result_map_server_name: str | None = None
    maximum_records: int | None = None
    show_messages: str | None = None
    tasks: list[str] = []


def read(place: Path, folder: str = "") -> Service:
    """Give the service that a folder of recordings is.

    Args:
        place: The folder, ``Proximity.GPServer``.
        folder: The ArcGIS folder that it is in.

    Raises:
        PublishingError: A file is not what it should be; names it, relative to ``place``.
    """
    files = [path for path in sorted(place.glob("*.json")) if path.name != _SERVICE]
    if not files:
        raise PublishingError(
            "It has no task.", "Save the answer of …/GPServer/<task>?f=json as <task>.json."
        )
    facts = _read(place / _SERVICE, _Service) if (place / _SERVICE).exists() else _Service()
    recorded = [(path, _read(path, _Task)) for path in files]
    tasks = [_task(path, each) for path, each in recorded]
    kinds = [facts.execution_type, *(each.execution_type for _, each in recorded)]
    order = {name: number for number, name in enumerate(facts.tasks)}
    return Service(
        place.name.removesuffix(SUFFIX),
        folder=folder,
        tasks=sorted(tasks, key=lambda task: order.get(task.name, len(order))),
        description=facts.service_description or "",
        synchronous=next(filter(None, kinds), "").endswith("Synchronous"),
        result_map_service=bool(facts.result_map_server_name),
        maximum_records=facts.maximum_records or Service.maximum_records,
        message_level=(facts.show_messages or Service.message_level).title(),  # type: ignore[arg-type]
    )


def _task(path: Path, recorded: _Task) -> Task:
    name = recorded.name or path.stem
    try:
        parameters = tuple(parameter(each) for each in recorded.parameters)
    except PublishingError as error:
        error.file = path.name
        raise
    outputs = tuple(each for each in parameters if each.direction == "output")
    results = Results(path.with_suffix(""), outputs)
    return Task(
        name=name,
        display_name=recorded.display_name or display_name(name),
        description=recorded.description or "",
        category=recorded.category or "",
        parameters=parameters,
        function=results,
        wants_context=True,
        returns_tuple=True,
    )


def _read(path: Path, kind: type[Described]) -> Described:
    try:
        document = orjson.loads(path.read_bytes().removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise _problem(path, f"It is not JSON: {error}.") from None
    except OSError as error:
        raise _problem(path, f"It cannot be read: {error.strerror}.") from None
    if isinstance(document, Mapping) and "error" in document:
        said = document["error"]
        text = said.get("message") if isinstance(said, Mapping) else said
        raise _problem(path, f"It is an error, which the server gave instead of an answer: {text}.")
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _problem(path, f"{error}.") from None


def _problem(path: Path, text: str) -> PublishingError:
    place = "GPServer" if path.name == _SERVICE else f"GPServer/{path.stem}"
    return PublishingError(text, f"Save the answer of …/{place}?f=json.", file=path.name)
