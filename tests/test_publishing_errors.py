"""Every misuse of ``@task`` and ``Service`` fails at once, with a text that names the place and the cure."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest

from gpserver import Field, Fill, Hidden, JobContext, LinearUnit, Param, Points, Service, Simple, task
from gpserver.errors import PublishingError

# Longer parts of the texts below.
PARTS = {
    "KNOWN": "str, int, float, bool, datetime, LinearUnit, ArealUnit, TimeUnit, Path, Raster, Field, "
    "CRS, Extent, GeoDataFrame, DataFrame, Points, MultiPoints, Lines, Polygons, Features, Table, "
    "Literal of text or numbers, a union of several of these, a list of one of these, "
    "or a list of a NamedTuple of these",
    "RENAME": 'Rename it, or give it another name with Annotated[..., Param(name="...")].',
    "NAMED_ONLY": "A task takes named parameters only, no *args, **kwargs or positional-only ones. "
    "Write each parameter with a name and a type; for many values use list[...].",
    "PLAIN_NAME": "is not a letter followed by letters, digits, underscores and single blanks.",
}


def spelled_out(text: str) -> str:
    """A text of this file on one line, with its parts."""
    text = " ".join(text.split())
    for name, part in PARTS.items():
        text = text.replace(name, part)
    return text


class Same(NamedTuple):
    area: float
    Area: float


class Odd(NamedTuple):
    shape: complex


# The docstring of each function is the error that it must cause.


def no_annotation(distance) -> None:
    """function no_annotation, parameter distance: It has no type annotation. Annotate it with KNOWN."""


def unknown_type(shape: complex) -> None:
    """function unknown_type, parameter shape: complex is not a type that a parameter can have. Use KNOWN."""


def unknown_generic(shape: dict[str, int]) -> None:
    """function unknown_generic, parameter shape: dict[str, int] is not a type that a parameter can have.
    Use KNOWN.
    """


def bare_list(values: list) -> None:
    """function bare_list, parameter values: list is not a type that a parameter can have. Use KNOWN."""


def union(value: int | complex) -> None:
    """function union, parameter value: complex is not a type that a parameter can have. Use KNOWN."""


def union_of_lists(value: list[int] | str) -> None:
    """function union_of_lists, parameter value: A union holds a list. Use a union of plain types, or a list
    of such unions.
    """


def list_of_lists(value: list[list[int]]) -> None:
    """function list_of_lists, parameter value: A list holds another list. Use a list of a
    NamedTuple for rows.
    """


class Nested(NamedTuple):
    a: list[int]


def nested_rows(value: list[Nested]) -> None:
    """function nested_rows, parameter value: The column a of Nested is a list or a union. Give it
    one plain type.
    """


def hidden_default(value: Hidden = "secret") -> None:
    """function hidden_default, parameter value: A hidden parameter has a default. Everybody could read it:
    leave it out.
    """


def odd_filter(value: Annotated[Path, Param(filter={"type": "files"})]) -> None:
    """function odd_filter, parameter value: {'type': 'files'} is not a filter. Write {"type": …, "list": […]}
    with one of the types range, featureClass, file, field.
    """


def misplaced_filter(value: Annotated[str, Param(filter={"type": "file", "list": ["txt"]})]) -> None:
    """function misplaced_filter, parameter value: The filter file is for GPDataFile. Leave it out."""


def misplaced_fields(value: Annotated[str, Param(fields={"name": str})]) -> None:
    """function misplaced_fields, parameter value: fields are for features and tables. Leave them out."""


def odd_field(value: Annotated[Points, Param(fields={"name": complex})]) -> None:
    """function odd_field, parameter value: The field "name" is <class 'complex'>. Use one of str, int, float,
    bool, datetime, date, time.
    """


def nameless_layers(value: Annotated[Points, Param(choices=("a", "b"))]) -> None:
    """function nameless_layers, parameter value: Its choices are no names. Write
    choices={"Parks": Path("parks.gpkg")}.
    """


def layer_default(value: Annotated[Points, Param(choices={"Parks": Path("p.gpkg")})] = "Roads") -> None:
    """function layer_default, parameter value: Its default, 'Roads', is none of its choices. Use
    one of Parks.
    """


def lost_dependency(value: Annotated[Field, Param(dependency="features")]) -> None:
    """function lost_dependency, parameter value: It depends on "features", which is no argument. Use one of
    value.
    """


def mixed(value: Literal["a", 1]) -> None:
    """function mixed, parameter value: Literal['a', 1] mixes types or holds something else than text and
    numbers. Use text only or numbers only; for true and false use bool.
    """


def truths(value: Literal[True, False]) -> None:
    """function truths, parameter value: Literal[True, False] mixes types or holds something else than text
    and numbers. Use text only or numbers only; for true and false use bool.
    """


def many(*values: int) -> None:
    """function many, parameter values: NAMED_ONLY"""


def named(**values: int) -> None:
    """function named, parameter values: NAMED_ONLY"""


def positional(value: int, /) -> None:
    """function positional, parameter value: NAMED_ONLY"""


def no_result(value: int):
    """function no_result: Its result has no type annotation. Write `-> Polygons`, the type of what it
    returns, or `-> None` when it returns nothing.
    """


def plain_tuple(value: int) -> tuple[int, str]:
    """function plain_tuple, parameter output (output): A plain tuple does not name its outputs. Return a
    typing.NamedTuple, one field for each output.
    """


def unknown_result(value: int) -> complex:
    """function unknown_result, parameter output (output): complex is not a type that a parameter can have.
    Use KNOWN.
    """


def odd_outputs(value: int) -> Odd:
    """function odd_outputs, parameter shape (output): complex is not a type that a parameter can have. Use
    KNOWN.
    """


def late_context(value: int, job: JobContext) -> None:
    """function late_context, parameter job: The JobContext is not the first parameter. Make it the first
    one.
    """


def token(token: str) -> None:
    """function token, parameter token: "Token" is a request parameter of ArcGIS itself. RENAME"""


def formats(f: str) -> None:
    """function formats, parameter f: "F" is a request parameter of ArcGIS itself. RENAME"""


def keywords(from_: Annotated[str, Param(name="From")]) -> None:
    """function keywords, parameter from_: "From" becomes the Python keyword "from" in the ArcGIS API for
    Python. RENAME
    """


def blanks(value: Annotated[str, Param(name="My value")]) -> None:
    """function blanks, parameter value: "My value" is not a letter followed by letters, digits and
    underscores. RENAME
    """


def letters(größe: float) -> None:
    """function letters, parameter größe: "Größe" is not a letter followed by letters, digits and
    underscores. RENAME
    """


def taken(future: bool) -> None:
    """function taken, parameter future: "Future" is taken in every tool of the ArcGIS API for Python.
    RENAME
    """


def twice(value: int, Value: int) -> None:
    """function twice, parameter Value: value and Value are both named "Value". Rename one; an output is
    renamed with @task(output="...").
    """


def thrice(value: Annotated[int, Param(name="InputValue")], input_value: int) -> None:
    """function thrice, parameter input_value: value and input_value are both named "Input_Value". Rename
    one; an output is renamed with @task(output="...").
    """


def echo(value: Annotated[int, Param(name="Output")]) -> int:
    """function echo, parameter output: value and output are both named "Output". Rename one; an output is
    renamed with @task(output="...").
    """


def same_outputs(value: int) -> Same:
    """function same_outputs, parameter Area: area and Area are both named "Area". Rename one; an output is
    renamed with @task(output="...").
    """


def wrong_default(value: int = "five") -> None:
    """function wrong_default, parameter value: Its default, 'five', is not a GPLong. Write a default of
    the annotated type, or None for an optional one.
    """


def truth_default(value: int = True) -> None:
    """function truth_default, parameter value: Its default, True, is not a GPLong. Write a default of the
    annotated type, or None for an optional one.
    """


def list_default(values: list[int] = ["a"]) -> None:  # noqa: B006
    """function list_default, parameter values: Its default, ['a'], is not a GPMultiValue:GPLong. Write a
    default of the annotated type, or None for an optional one.
    """


def unit_default(distance: LinearUnit = 100) -> None:
    """function unit_default, parameter distance: Its default, 100, is not a GPLinearUnit. Write a default
    of the annotated type, or None for an optional one.
    """


def choice_default(colour: Literal["red", "blue"] = "green") -> None:
    """function choice_default, parameter colour: Its default, 'green', is not allowed: ERROR 000800:
    Colour: The value is not a member of red | blue. Write one that is.
    """


def range_default(value: Annotated[int, Param(maximum=3)] = 5) -> None:
    """function range_default, parameter value: Its default, 5, is not allowed: Value: 5 is more than the
    maximum, 3. Write one that is.
    """


def large_default(value: int = 2**60) -> None:
    """function large_default, parameter value: Its default, 1152921504606846976, is not allowed:
    1152921504606846976 is not between -4503599627370495 and 4503599627370495. Write one that is.
    """


def quoted_default(value: str = 'say "hello"') -> None:
    """function quoted_default, parameter value: Its default, 'say "hello"', is a syntax error in the
    ArcGIS API for Python. Make it optional with None and put the default in the function's body.
    """


def text_range(value: Annotated[str, Param(minimum=3)]) -> None:
    """function text_range, parameter value: minimum and maximum are for numbers. Leave them out, or make
    it int or float.
    """


def wrong_symbol() -> Annotated[Points, Param(symbology=Simple(Fill("red")))]:
    """function wrong_symbol, parameter output (output): A Fill cannot draw esriGeometryPoint. Use a
    Marker, or a colour.
    """


def symbol_of_a_number() -> Annotated[float, Param(symbology=Simple("red"))]:
    """function symbol_of_a_number, parameter output (output): A symbology is for features and rasters. Leave
    it out.
    """


def generator(value: int) -> Iterator[int]:
    """function generator: A task is a plain function, neither async nor a generator. Remove async and
    yield; a job has a process of its own and may block.
    """
    yield value


async def later(value: int) -> None:
    """function later: A task is a plain function, neither async nor a generator. Remove async and yield; a
    job has a process of its own and may block.
    """


@pytest.mark.parametrize(
    "function",
    [
        no_annotation,
        unknown_type,
        unknown_generic,
        bare_list,
        union,
        union_of_lists,
        list_of_lists,
        nested_rows,
        hidden_default,
        odd_filter,
        misplaced_filter,
        misplaced_fields,
        odd_field,
        nameless_layers,
        layer_default,
        lost_dependency,
        mixed,
        truths,
        many,
        named,
        positional,
        no_result,
        plain_tuple,
        wrong_symbol,
        symbol_of_a_number,
        unknown_result,
        odd_outputs,
        late_context,
        token,
        formats,
        keywords,
        blanks,
        letters,
        taken,
        twice,
        thrice,
        echo,
        same_outputs,
        wrong_default,
        truth_default,
        list_default,
        unit_default,
        choice_default,
        range_default,
        large_default,
        quoted_default,
        text_range,
        generator,
        later,
    ],
)
def test_a_function_that_cannot_be_a_task(function: Callable[..., Any]) -> None:
    with pytest.raises(PublishingError) as raised:
        task(function)
    assert str(raised.value) == spelled_out(function.__doc__ or "")


def unreadable(value: "int[") -> None: ...  # noqa: F722


@pytest.mark.parametrize(
    ("decorate", "text"),
    [
        (
            lambda work: task(name="My-Task")(work),
            """function work: "My-Task" PLAIN_NAME Give another name with @task(name="...").""",
        ),
        (
            lambda work: task(name="Class")(work),
            """function work: "Class" becomes the Python keyword "class" in the ArcGIS API for Python.
            Give another name with @task(name="...").""",
        ),
        (
            lambda work: task(output="areas")(work),
            """function work: output="areas" names one output, but the function returns none.
            Leave `output` out; the fields of a NamedTuple name several outputs.""",
        ),
        (
            lambda _: task("name"),
            "function 'name': @task is for functions, not for classes or other objects. Write a def.",
        ),
        (
            lambda _: task(type("Tool", (), {})),
            "function Tool: @task is for functions, not for classes or other objects. Write a def.",
        ),
        (lambda _: task(unreadable), "function unreadable: An annotation cannot be read: "),
    ],
)
def test_a_decorator_that_cannot_be(decorate: Callable[[Any], Any], text: str) -> None:
    def work(points: Points) -> None: ...

    with pytest.raises(PublishingError) as raised:
        decorate(work)
    assert str(raised.value).startswith(spelled_out(text))


@task
def some_task(value: int) -> int:
    return value


@task(name="Some_Task")
def other_task(value: int) -> int:
    return value


@task(name="Mapped", output="result_layer")
def mapped_task(value: int) -> int:
    return value


def test_an_output_may_have_the_name_of_a_map_that_is_not_there() -> None:
    assert Service("A", tasks=[mapped_task]).tasks[0].outputs[0].name == "Result_Layer"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"name": "A", "tasks": [mapped_task], "result_map_service": True},
            """function mapped_task, parameter result_layer (output): "Result_Layer" is the map of a job in
            the ArcGIS API for Python. Rename it, or leave result_map_service out.""",
        ),
        (
            {"name": "My Service"},
            """"My Service" has characters other than letters, digits and underscores.
            Rename the service or its folder.""",
        ),
        (
            {"name": "A", "folder": "B/C"},
            """"B/C" has characters other than letters, digits and underscores.
            Rename the service or its folder.""",
        ),
        (
            {"name": "A", "message_level": "Debug"},
            'The service A has the message level "Debug". Use one of None, Error, Warning, Info.',
        ),
        ({"name": "A", "maximum_records": 0}, "The service A has maximum_records=0. Use a number above 0."),
        ({"name": "A", "time_limit": -1}, "The service A has time_limit=-1. Use a number above 0."),
        ({"name": "A", "instances": 0}, "The service A has instances=0. Use a number above 0."),
        ({"name": "A", "memory_limit": 0}, "The service A has memory_limit=0. Use a number above 0."),
        ({"name": "A", "wait_limit": 0}, "The service A has wait_limit=0. Use a number above 0."),
        ({"name": "A", "message_limit": 0}, "The service A has message_limit=0. Use a number above 0."),
        (
            {"name": "A", "instances": 2, "min_instances": 3},
            "The service A has min_instances=3. Use a number from 0 to its instances.",
        ),
        ({"name": "A", "tasks": [len]}, "function len: len is not a task. Put @task above the function."),
        (
            {"name": "A", "tasks": [some_task, other_task]},
            """some_task and other_task are both named "Some_Task".
            Rename one function, or give another name with @task(name="...").""",
        ),
    ],
)
def test_a_service_that_cannot_be(options: dict[str, Any], text: str) -> None:
    with pytest.raises(PublishingError) as raised:
        Service(**options)
    assert str(raised.value) == spelled_out(text)
