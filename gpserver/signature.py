"""From a function's signature and docstring to the inputs and outputs of a task."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import docstring_parser
import numpy as np

from gpserver.annotation import KNOWN_TYPES, Declared, element, is_row, is_union, read_annotation
from gpserver.context import JobContext
from gpserver.datatypes import DataType, GPFeatureRecordSetLayer, GPMultiValue, GPRasterDataLayer
from gpserver.errors import InvalidValue, PublishingError
from gpserver.features.shapes import POINT, POLYGON, POLYLINE
from gpserver.naming import (
    breaks_source,
    client_name,
    display_name,
    parameter_name,
    parameter_problem,
    safe_label,
    safe_text,
)
from gpserver.parameter import Parameter
from gpserver.symbology import Look, drawing_info, raster_drawing_info


@dataclass(frozen=True)
class Signature:
    """What a function's signature and docstring say."""

    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    wants_context: bool
    returns_tuple: bool
    """Whether the outputs are the fields of a NamedTuple."""
    description: str


@dataclass(frozen=True)
class _Help:
    description: str
    arguments: dict[str, str]
    returns: str


def read_signature(function: Callable[..., Any], output: str = "") -> Signature:
    """Read a function's signature and docstring.

    Args:
        function: The function, with every parameter and its result annotated.
        output: The name of the one output, for a function that returns one value.

    Raises:
        PublishingError: It cannot be a task; names the parameter and the cure.
    """
    hints = _hints(function)
    help_ = _help(function.__doc__)
    arguments = list(inspect.signature(function).parameters.values())
    wants_context = bool(arguments) and _is_context(hints.get(arguments[0].name))
    inputs = _dependent(tuple(_input(argument, hints, help_) for argument in arguments[wants_context:]))
    outputs = _outputs(hints, help_, output)
    _refuse_duplicates((*inputs, *outputs))
    return Signature(inputs, outputs, wants_context, is_row(hints["return"]), help_.description)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise PublishingError(
            f'The name "{error.name}" in an annotation is not known.',
            "Import it at the top of the file, not inside a function or `if TYPE_CHECKING`.",
        ) from error
    except (TypeError, SyntaxError) as error:
        raise PublishingError(f"An annotation cannot be read: {error}.", "Correct it.") from error


def _help(docstring: str | None) -> _Help:
    parsed = docstring_parser.parse(inspect.cleandoc(docstring or ""), docstring_parser.DocstringStyle.GOOGLE)
    return _Help(
        safe_text(parsed.description or ""),
        {item.arg_name: safe_text(item.description or "") for item in parsed.params},
        safe_text((parsed.returns.description if parsed.returns else "") or ""),
    )


def _is_context(hint: Any) -> bool:
    return hint is JobContext or (is_union(hint) and JobContext in get_args(hint))


def _input(argument: inspect.Parameter, hints: dict[str, Any], help_: _Help) -> Parameter:
    try:
        return _read_input(argument, hints, help_)
    except PublishingError as error:
        error.parameter = error.parameter or argument.name
        raise


def _read_input(argument: inspect.Parameter, hints: dict[str, Any], help_: _Help) -> Parameter:
    if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD, argument.POSITIONAL_ONLY):
        raise PublishingError(
            "A task takes named parameters only, no *args, **kwargs or positional-only ones.",
            "Write each parameter with a name and a type; for many values use list[...].",
        )
    if argument.name not in hints:
        raise PublishingError("It has no type annotation.", f"Annotate it with {KNOWN_TYPES}.")
    if _is_context(hints[argument.name]):
        raise PublishingError("The JobContext is not the first parameter.", "Make it the first one.")
    declared = read_annotation(hints[argument.name])
    default = None if argument.default is argument.empty else argument.default
    described = _described(declared, argument.name, help_.arguments.get(argument.name, ""), "input")
    required = described.required and argument.default is argument.empty
    parameter = replace(described, required=required, default=default)
    _check_default(parameter)
    return parameter


def _outputs(hints: dict[str, Any], help_: _Help, output: str) -> tuple[Parameter, ...]:
    if "return" not in hints:
        raise PublishingError(
            "Its result has no type annotation.",
            "Write `-> Polygons`, the type of what it returns, or `-> None` when it returns nothing.",
        )
    hint = hints["return"]
    if hint is type(None):
        named: dict[str, tuple[Any, str]] = {}
    elif is_row(hint):
        texts = _help(hint.__doc__).arguments
        named = {
            name: (kind, texts.get(name, ""))
            for name, kind in get_type_hints(hint, include_extras=True).items()
        }
    else:
        named = {output or "output": (hint, help_.returns)}
    if output and output not in named:
        raise PublishingError(
            f'output="{output}" names one output, but the function returns {len(named) or "none"}.',
            "Leave `output` out; the fields of a NamedTuple name several outputs.",
        )
    return tuple(_output(name, kind, text) for name, (kind, text) in named.items())


def _output(name: str, hint: Any, text: str) -> Parameter:
    try:
        if hint is tuple or get_origin(hint) is tuple:
            raise PublishingError(
                "A plain tuple does not name its outputs.",
                "Return a typing.NamedTuple, one field for each output.",
            )
        declared = read_annotation(hint)
        return _described(declared, name, text, "output")
    except PublishingError as error:
        error.parameter = error.parameter or f"{name} (output)"
        raise


def _described(
    declared: Declared, argument: str, text: str, direction: Literal["input", "output"]
) -> Parameter:
    param = declared.param
    name = param.name or parameter_name(argument)
    if problem := parameter_problem(name, is_input=direction == "input"):
        raise PublishingError(
            problem, 'Rename it, or give it another name with Annotated[..., Param(name="...")].'
        )
    if param.symbology is not None:
        _check_symbology(param.symbology, declared.data_type)
    return Parameter(
        **element(declared, name, safe_label(param.display_name) or display_name(name)),
        argument=argument,
        description=safe_text(param.description) or text,
        direction=direction,
        category=param.category,
        dependency=param.dependency,
        symbology=param.symbology,
        time_field=param.time_field,
    )


def _check_symbology(symbology: Look | Mapping[str, Any], data_type: DataType) -> None:
    if isinstance(data_type, GPRasterDataLayer):
        raster_drawing_info(symbology, np.zeros(0))
    elif isinstance(data_type, GPFeatureRecordSetLayer):
        kinds = [data_type.geometry_type] if data_type.geometry_type else [POLYGON, POLYLINE, POINT]
        problems = [problem for kind in kinds if (problem := _misfit(symbology, kind))]
        if len(problems) == len(kinds):
            raise problems[0]
    else:
        raise PublishingError("A symbology is for features and rasters.", "Leave it out.")


def _misfit(symbology: Look | Mapping[str, Any], geometry_type: str) -> PublishingError | None:
    try:
        drawing_info(symbology, geometry_type)
    except PublishingError as problem:
        return problem
    return None


def _check_default(parameter: Parameter) -> None:
    default = parameter.default
    if default is None:
        return None
    if parameter.data_type.hidden:
        raise PublishingError("A hidden parameter has a default.", "Everybody could read it: leave it out.")
    if parameter.layers:
        return _check_choice(parameter)
    if not parameter.data_type.holds(default):
        raise PublishingError(
            f"Its default, {default!r}, is not a {parameter.data_type.name}.",
            "Write a default of the annotated type, or None for an optional one.",
        )
    if isinstance(default, str) and breaks_source(default):
        raise PublishingError(
            f"Its default, {default!r}, is a syntax error in the ArcGIS API for Python.",
            "Make it optional with None and put the default in the function's body.",
        )
    try:
        parameter.check(default)
        parameter.data_type.encode(default)
    except InvalidValue as error:
        raise PublishingError(
            f"Its default, {default!r}, is not allowed: {error}", "Write one that is."
        ) from error


def _check_choice(parameter: Parameter) -> None:
    names = parameter.default if isinstance(parameter.data_type, GPMultiValue) else [parameter.default]
    if not isinstance(names, list) or not set(names) <= set(parameter.choices):
        raise PublishingError(
            f"Its default, {parameter.default!r}, is none of its choices.",
            f"Use one of {', '.join(parameter.choice_list)}.",
        )


def _dependent(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The parameters with the names of those that they depend on, instead of the arguments'."""
    names = {item.argument: item.name for item in parameters}
    for item in parameters:
        if item.dependency and item.dependency not in names:
            raise PublishingError(
                f'It depends on "{item.dependency}", which is no argument.',
                f"Use one of {', '.join(names)}.",
                parameter=item.argument,
            )
    return tuple(replace(item, dependency=names.get(item.dependency, "")) for item in parameters)


def _refuse_duplicates(parameters: tuple[Parameter, ...]) -> None:
    seen: dict[str, Parameter] = {}
    for parameter in parameters:
        other = seen.setdefault(client_name(parameter.name), parameter)
        if other is not parameter:
            raise PublishingError(
                f'{other.argument} and {parameter.argument} are both named "{parameter.name}".',
                'Rename one; an output is renamed with @task(output="...").',
                parameter=parameter.argument,
            )
