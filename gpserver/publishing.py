"""A function as a geoprocessing task (``@task``), and tasks published together as a ``Service``."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar, get_args, overload

from gpserver.datatypes import NO_SOURCE, Field, Source
from gpserver.errors import GPServerError, InvalidValue, NotFound, PublishingError
from gpserver.finding import Finding
from gpserver.job import Terms
from gpserver.naming import (
    MAP_NAME,
    client_name,
    display_name,
    safe_text,
    service_problem,
    task_name,
    task_problem,
)
from gpserver.parameter import Param, Parameter
from gpserver.signature import read_signature

MessageLevel = Literal["None", "Error", "Warning", "Info"]
Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE = "__gp_task__"
_LIMITS = (
    *("maximum_records", "time_limit", "wait_limit", "instances"),
    *("memory_limit", "result_limit", "scratch_limit", "message_limit"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """A published function."""

    name: str
    display_name: str
    description: str
    category: str = ""
    parameters: tuple[Parameter, ...]
    """Inputs in the order of the signature, then outputs."""
    function: Callable[..., Any]
    wants_context: bool = False
    """Whether the function takes a ``JobContext`` first."""
    returns_tuple: bool = False
    """Whether the function returns its outputs as the fields of a NamedTuple."""
    retry_on_loss: bool = True
    """Whether a job may be run again when the server died under it."""
    cancel_grace: float = 0.0
    """Seconds that the function gets to see its cancel before it is killed."""
    validate: Callable[..., Iterable[Finding] | None] | None = None
    """The publisher's own check: takes the function's arguments, before it runs."""

    @cached_property
    def inputs(self) -> tuple[Parameter, ...]:
        """The parameters that a client sends."""
        return tuple(item for item in self.parameters if item.direction == "input")

    @cached_property
    def outputs(self) -> tuple[Parameter, ...]:
        """The parameters that a client gets."""
        return tuple(item for item in self.parameters if item.direction == "output")

    def arguments(self, raw: Mapping[str, object], source: Source = NO_SOURCE) -> dict[str, Any]:
        """Read what a client sent.

        Args:
            raw: Text, bytes, several texts or parsed JSON by parameter name, in any case.
            source: Where values come from that were sent by URL or item id.

        Returns:
            The function's keyword arguments, with defaults for what was not given.

        Raises:
            InvalidValue: Something is missing or wrong; one line for each problem.
        """
        arguments, findings = self._read(raw, source)
        if findings:
            raise InvalidValue("\n".join(finding.text for finding in findings))
        return arguments

    def findings(self, raw: Mapping[str, object], source: Source = NO_SOURCE) -> list[Finding]:
        """Say all that is wrong with what a client sent; the publisher's own check sees only sound values."""
        arguments, findings = self._read(raw, source)
        return findings or self.check(arguments)

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        """Ask the publisher's own check; its findings are about parameters by their names on the wire."""
        names = {item.argument: item.name for item in self.inputs}
        try:
            found = list((self.validate and self.validate(**arguments)) or ())
        except GPServerError as error:
            found = [Finding("", str(error))]
        return [replace(item, parameter=names.get(item.parameter, item.parameter)) for item in found]

    def _read(self, raw: Mapping[str, object], source: Source) -> tuple[dict[str, Any], list[Finding]]:
        sent = {name.lower(): value for name, value in raw.items()}
        arguments, findings = {}, []
        for item in self.inputs:
            try:
                arguments[item.argument] = item.read(sent.get(item.name.lower()), source)
            except InvalidValue as error:
                findings.append(Finding(item.name, str(error)))
        return arguments, findings or self._lost_fields(arguments)

    def _lost_fields(self, arguments: Mapping[str, Any]) -> list[Finding]:
        named = {item.name: arguments.get(item.argument) for item in self.inputs}
        return [
            Finding(item.name, f"ERROR 000728: {item.name}: Field {name} does not exist within table")
            for item in self.inputs
            for name in _lost(named[item.name], named.get(item.dependency))
        ]

    def results(self, returned: Any) -> dict[str, Any]:
        """Give what the function returned by the name of each output; None is an output that was not set.

        Raises:
            InvalidValue: There are more or fewer values than outputs.
        """
        if not self.outputs:
            return {}
        if not self.returns_tuple:
            return {self.outputs[0].name: returned}
        if not isinstance(returned, tuple) or len(returned) != len(self.outputs):
            raise InvalidValue(
                f"The task must return a tuple of {len(self.outputs)} values, one for each output."
            )
        return {output.name: value for output, value in zip(self.outputs, returned, strict=True)}


def _lost(fields: Any, table: Any) -> list[str]:
    """The names of fields that the features or rows do not have which they depend on."""
    listed = fields if isinstance(fields, list) else [fields]
    names = [each.name for each in listed if isinstance(each, Field)]
    if not names:
        return []
    from pandas import DataFrame

    if not isinstance(table, DataFrame):
        return []
    known = {str(column).lower() for column in table.columns}
    return [name for name in names if name.lower() not in known]


@overload
def task(function: Function) -> Function: ...
@overload
def task(
    *,
    output: str = "",
    name: str = "",
    display_name: str = "",
    description: str = "",
    retry_on_loss: bool = True,
    cancel_grace: float = 0.0,
    validate: Callable[..., Iterable[Finding] | None] | None = None,
) -> Callable[[Function], Function]: ...
def task(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Publish a function as a geoprocessing task; the function itself stays as it is.

    Args:
        output: The name of the one output (``output_polygons`` gives ``Output_Polygons``); several outputs
            are the fields of a ``NamedTuple`` that the function returns.
        name: The task's name instead of the one made from the function's.
        display_name: The label instead of the one made from the name.
        description: The help instead of the docstring's.
        retry_on_loss: Whether a job may be run again when the server died under it; False for a function
            that changes something outside of its job.
        cancel_grace: Seconds that the function gets to see its cancel before it is killed.
        validate: Called with the function's arguments (without a ``JobContext``) before the function, and
            when a client asks whether they are right; gives a ``Finding`` for each thing that is wrong.

    Raises:
        PublishingError: The function cannot be a task; names the function, the parameter and the cure.
    """
    if function is None:
        return lambda decorated: task(decorated, **options)
    setattr(function, _ATTRIBUTE, _task(function, **options))
    return function


def task_of(function: object) -> Task | None:
    """Give the task that ``@task`` made of a function; None for anything else."""
    found = getattr(function, _ATTRIBUTE, None) if inspect.isfunction(function) else None
    return found if isinstance(found, Task) else None


def _task(function: Callable[..., Any], *, output: str = "", name: str = "", **options: Any) -> Task:
    try:
        _refuse_odd_functions(function)
        signature = read_signature(function, output)
        name = name or task_name(function.__name__)
        if problem := task_problem(name):
            raise PublishingError(problem, 'Give another name with @task(name="...").')
    except PublishingError as error:
        error.function = error.function or getattr(function, "__name__", repr(function))
        raise
    return Task(
        name=name,
        display_name=options.pop("display_name", "") or display_name(name),
        description=safe_text(options.pop("description", "")) or signature.description,
        parameters=(*signature.inputs, *signature.outputs),
        function=function,
        wants_context=signature.wants_context,
        returns_tuple=signature.returns_tuple,
        **options,
    )


def _refuse_odd_functions(function: Callable[..., Any]) -> None:
    if not inspect.isfunction(function):
        raise PublishingError("@task is for functions, not for classes or other objects.", "Write a def.")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise PublishingError(
            "A task is a plain function, neither async nor a generator.",
            "Remove async and yield; a job has a process of its own and may block.",
        )


@dataclass(frozen=True)
class Service:
    """A service, assigned to any name at the top of a file of the services folder.

    A file without one publishes all its tasks as a service named after it; several of them in one file
    publish the same tasks several times.

    Args:
        name: Its name in the URL; by default made from the file's, ``proximity.py`` -> ``Proximity``.
        tasks: The functions it publishes; by default all tasks of the file. Reads as a tuple of ``Task``.
        folder: Its ArcGIS folder; by default the sub-folder that the file is in.
        description: By default the docstring of the file.
        synchronous: Whether its tasks are executed while the client waits (``execute``) instead of as jobs.
        result_map_service: Whether each finished job is a map.
        message_level: The least grave messages that a client sees: None, Error, Warning or Info.
        maximum_records: The most features or rows of one result that are sent inline.
        time_limit: Seconds that a job may run; None is no limit.
        wait_limit: Seconds that a job may wait to begin; then it fails, and nothing of it runs.
        instances: Jobs that may run at once on one machine; None is as many as there is room for.
        min_instances: Slots of each machine that jobs of other services leave to this one. One slot is always
            everybody's, however much is kept.
        memory_limit: Bytes that a job may use, with the processes that it starts; None is no limit.
        result_limit: Bytes that the results of a job may have; None is no limit.
        scratch_limit: Bytes of other files that a job may keep while it runs; None is no limit.
        message_limit: Messages of a job that are kept; those beyond are left out, and one says so.
        priority: Its jobs begin before those of services with a lower one.

    Raises:
        PublishingError: Something of it cannot be; names the cure.
    """

    name: str = ""
    _: KW_ONLY
    tasks: Sequence[Any] = ()
    folder: str = ""
    description: str = ""
    synchronous: bool = False
    result_map_service: bool = False
    message_level: MessageLevel = "Info"
    maximum_records: int = 1000
    time_limit: float | None = 600.0
    wait_limit: float | None = None
    instances: int | None = None
    min_instances: int = 0
    memory_limit: int | None = None
    result_limit: int | None = None
    scratch_limit: int | None = None
    message_limit: int = 10_000
    priority: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", tuple(_published(item) for item in self.tasks))
        for name in filter(None, (self.name, self.folder)):
            if problem := service_problem(name):
                raise PublishingError(problem, "Rename the service or its folder.")
        _refuse_odd_values(self)
        _refuse_same_names(self)
        if self.result_map_service:
            _refuse_map_names(self)

    @property
    def full_name(self) -> str:
        """``Folder/Name``, or ``Name`` outside of folders."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    def task(self, name: str) -> Task:
        """Find a task by its name or else by its display name, in any case.

        Raises:
            NotFound: There is none.
        """
        tasks: Sequence[Task] = self.tasks
        by_name = {item.display_name.lower(): item for item in tasks} | {
            item.name.lower(): item for item in tasks
        }
        if name.lower() in by_name:
            return by_name[name.lower()]
        raise NotFound(f"There is no task {name} in the service {self.full_name}.")

    def terms(self, task: Task) -> Terms:
        """What a job of one of its tasks is promised."""
        return Terms(
            message_level=self.message_level,
            maximum_records=self.maximum_records,
            time_limit=self.time_limit,
            memory_limit=self.memory_limit,
            wait_limit=self.wait_limit,
            result_limit=self.result_limit,
            scratch_limit=self.scratch_limit,
            message_limit=self.message_limit,
            instances=self.instances,
            priority=self.priority,
            # Whoever called a synchronous task is gone with the server.
            retry_on_loss=task.retry_on_loss and not self.synchronous,
            cancel_grace=task.cancel_grace,
            synchronous=self.synchronous,
            result_map_service=self.result_map_service,
        )


def _published(item: object) -> Task:
    found = item if isinstance(item, Task) else task_of(item)
    if found is None:
        name = getattr(item, "__name__", repr(item))
        raise PublishingError(f"{name} is not a task.", "Put @task above the function.", function=name)
    return found


def _refuse_odd_values(service: Service) -> None:
    if service.message_level not in get_args(MessageLevel):
        raise PublishingError(
            f'The service {service.name} has the message level "{service.message_level}".',
            f"Use one of {', '.join(get_args(MessageLevel))}.",
        )
    for name in _LIMITS:
        value = getattr(service, name)
        if value is not None and not value > 0:
            raise PublishingError(f"The service {service.name} has {name}={value}.", "Use a number above 0.")
    if not 0 <= service.min_instances <= (service.instances or service.min_instances):
        raise PublishingError(
            f"The service {service.name} has min_instances={service.min_instances}.",
            "Use a number from 0 to its instances.",
        )


def _refuse_same_names(service: Service) -> None:
    seen: dict[str, Task] = {}
    for item in service.tasks:
        other = seen.setdefault(client_name(item.name), item)
        if other is not item:
            raise PublishingError(
                f'{other.function.__name__} and {item.function.__name__} are both named "{item.name}".',
                'Rename one function, or give another name with @task(name="...").',
            )


def _refuse_map_names(service: Service) -> None:
    """No output beside a map may have its name; without a map it may."""
    for item in service.tasks:
        for output in item.outputs:
            if client_name(output.name) == MAP_NAME:
                raise PublishingError(
                    f'"{output.name}" is the map of a job in the ArcGIS API for Python.',
                    "Rename it, or leave result_map_service out.",
                    function=item.function.__name__,
                    parameter=f"{output.argument} (output)",
                )


__all__ = ["Param", "Parameter", "Service", "Task", "task", "task_of"]
