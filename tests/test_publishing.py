from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Optional

import pytest
from geopandas import GeoDataFrame
from pandas import DataFrame

from gpserver import (
    ArealUnit,
    Features,
    JobContext,
    LinearUnit,
    Lines,
    MultiPoints,
    Param,
    Points,
    Polygons,
    Service,
    Table,
    task,
)
from gpserver.errors import InvalidValue, NotFound
from gpserver.publishing import Parameter, Task, task_of


def published(function: Any) -> Task:
    found = task_of(function)
    assert found is not None
    return found


@task(output="output_polygons")
def buffer_points(
    job: JobContext,
    input_features: Points,
    distance: LinearUnit = LinearUnit(100),
    dissolve: Annotated[Literal["none", "all"], Param(category="Options", display_name="Merge")] = "none",
) -> Polygons:
    """Buffer points.

    Draws a circle around every point
    on C:\\users.

    Args:
        input_features: The points to buffer.
        distance: The radius
            of the buffers.

    Returns:
        One polygon for each point.
    """
    job.info("ran")
    return input_features


class Statistics(NamedTuple):
    """What is known of the values.

    Attributes:
        mean: The arithmetic mean.
        longest_text: The longest text, if there is any.
    """

    mean: float
    longest_text: str | None
    areas: Annotated[Polygons, Param(name="Zones", description="The zones.")]


@task
def summarize(values: list[float], labels: list[Literal["a", "b"]] | None = None) -> Statistics:
    return Statistics(sum(values) / len(values), max(labels or [""], key=len) or None, GeoDataFrame())


def test_the_function_stays_a_function() -> None:
    job = JobContext()
    assert buffer_points(job, "anything") == "anything"
    assert job.messages[0].text == "ran"
    assert published(buffer_points).function is buffer_points
    assert task_of(len) is None
    assert task_of("buffer_points") is None


def test_names_and_help_come_from_the_function() -> None:
    found = published(buffer_points)
    assert (found.name, found.display_name) == ("BufferPoints", "Buffer Points")
    assert found.description == "Buffer points.\n\nDraws a circle around every point\non C:/users."
    assert found.wants_context
    assert [(item.name, item.argument, item.display_name, item.direction) for item in found.parameters] == [
        ("Input_Features", "input_features", "Input Features", "input"),
        ("Distance", "distance", "Distance", "input"),
        ("Dissolve", "dissolve", "Merge", "input"),
        ("Output_Polygons", "output_polygons", "Output Polygons", "output"),
    ]
    assert [item.description for item in found.parameters] == [
        "The points to buffer.",
        "The radius\nof the buffers.",
        "",
        "One polygon for each point.",
    ]
    assert [item.required for item in found.inputs] == [True, False, False]
    assert found.inputs[2].category == "Options"


def test_defaults_on_the_wire() -> None:
    points, distance, dissolve = published(buffer_points).inputs
    assert points.default_value["geometryType"] == "esriGeometryPoint"
    assert distance.default_value == {"distance": 100, "units": "esriMeters"}
    assert (dissolve.default_value, dissolve.choice_list) == ("none", ["none", "all"])
    assert published(summarize).outputs[1].default_value == ""
    assert published(summarize).inputs[0].default_value == []


def test_several_outputs_are_the_fields_of_a_named_tuple() -> None:
    outputs = published(summarize).outputs
    assert [(item.name, item.data_type.name, item.required) for item in outputs] == [
        ("Mean", "GPDouble", True),
        ("Longest_Text", "GPString", False),
        ("Zones", "GPFeatureRecordSetLayer", True),
    ]
    assert [item.description for item in outputs] == [
        "The arithmetic mean.",
        "The longest text, if there is any.",
        "The zones.",
    ]


@pytest.mark.parametrize(
    ("annotation", "name", "geometry_type"),
    [
        (str, "GPString", None),
        (int, "GPLong", None),
        (float, "GPDouble", None),
        (bool, "GPBoolean", None),
        (datetime, "GPDate", None),
        (LinearUnit, "GPLinearUnit", None),
        (ArealUnit, "GPArealUnit", None),
        (Points, "GPFeatureRecordSetLayer", "esriGeometryPoint"),
        (MultiPoints, "GPFeatureRecordSetLayer", "esriGeometryMultipoint"),
        (Lines, "GPFeatureRecordSetLayer", "esriGeometryPolyline"),
        (Polygons, "GPFeatureRecordSetLayer", "esriGeometryPolygon"),
        (Features, "GPFeatureRecordSetLayer", "esriGeometryPoint"),
        (GeoDataFrame, "GPFeatureRecordSetLayer", "esriGeometryPoint"),
        (Table, "GPRecordSet", None),
        (DataFrame, "GPRecordSet", None),
        (Path, "GPDataFile", None),
        (list[str], "GPMultiValue:GPString", None),
        (list[LinearUnit], "GPMultiValue:GPLinearUnit", None),
        (list[Points], "GPMultiValue:GPFeatureRecordSetLayer", None),
        (Literal["a", "b"], "GPString", None),
        (Literal[1, 2], "GPLong", None),
        (list[Literal["a"]], "GPMultiValue:GPString", None),
        (Optional[str], "GPString", None),  # noqa: UP045 (older code has it)
        (Points | None, "GPFeatureRecordSetLayer", "esriGeometryPoint"),
        (Annotated[Points, Param(category="A")], "GPFeatureRecordSetLayer", "esriGeometryPoint"),
        (Annotated[str | None, Param(category="A")], "GPString", None),
        (Annotated[str, Param(category="A")] | None, "GPString", None),
    ],
)
def test_annotations_mean_data_types(annotation: Any, name: str, geometry_type: str | None) -> None:
    def function(value):
        return value

    function.__annotations__ = {"value": annotation, "return": annotation}
    found = published(task(function))
    for parameter in found.parameters:
        assert parameter.data_type.name == name
    if geometry_type and name == "GPFeatureRecordSetLayer":
        assert found.inputs[0].default_value["geometryType"] == geometry_type


@pytest.mark.parametrize(
    "annotation",
    [
        Optional[str],  # noqa: UP045 (older code has it)
        str | None,
        Points | None,
        Annotated[str | None, Param()],
        Annotated[str, Param()] | None,
    ],
)
def test_a_parameter_that_may_be_none_is_optional(annotation: Any) -> None:
    def function(value):
        return value

    function.__annotations__ = {"value": annotation, "return": annotation}
    assert [item.required for item in published(task(function)).parameters] == [False, False]


def test_explicit_names_win() -> None:
    @task(name="Drive Time", display_name="How far", description="Mine.", retry_on_loss=False, cancel_grace=2)
    def drive(
        start: Annotated[Points, Param(name="facilities", display_name='The "start"', description="From.")],
    ) -> Annotated[Polygons, Param(name="areas")]:
        """Not mine."""

    found = published(drive)
    assert (found.name, found.display_name, found.description) == ("Drive Time", "How far", "Mine.")
    assert (found.retry_on_loss, found.cancel_grace) == (False, 2)
    assert [(item.name, item.display_name, item.description) for item in found.parameters] == [
        ("facilities", "The 'start'", "From."),
        ("areas", "Areas", ""),
    ]


def test_a_task_may_return_nothing() -> None:
    @task
    def clean() -> None: ...

    assert published(clean).parameters == ()
    assert published(clean).results(None) == {}


def test_a_context_may_be_optional() -> None:
    @task
    def count(job: JobContext | None = None, context: str = "") -> int:
        return 1

    assert published(count).wants_context
    assert [item.name for item in published(count).inputs] == ["Context"]


def test_filters() -> None:
    @task
    def grow(
        steps: Annotated[int, Param(minimum=1, maximum=10)] = 5,
        rates: Annotated[list[float] | None, Param(minimum=0)] = None,
        file: Annotated[Path | None, Param(filter={"type": "file", "list": ["pdf"]})] = None,
        speed: Annotated[str, Param(choices=("slow", "fast"))] = "slow",
    ) -> None: ...

    assert [item.filter for item in published(grow).inputs] == [
        {"type": "range", "minimum": 1, "maximum": 10},
        {"type": "range", "minimum": 0},
        {"type": "file", "list": ["pdf"]},
        None,
    ]
    assert published(grow).inputs[3].choice_list == ["slow", "fast"]


@task
def everything(
    text: str,
    when: datetime | None,
    number: Annotated[int, Param(minimum=0, maximum=9)] = 1,
    colour: Literal["red", '"green"', "light, blue"] = "red",
    colours: list[Literal["red", "light, blue"]] | None = None,
    size: Literal[1, 2] = 1,
    distances: list[LinearUnit] | None = None,
) -> str:
    return text


def test_arguments_are_read_and_defaults_apply() -> None:
    raw = {
        "text": b"abc",
        "WHEN": "0",
        "Number": "",
        "Colour": None,
        "Distances": ["1 meter", "2 miles"],
        "x": "y",
    }
    assert published(everything).arguments(raw) == {
        "text": "abc",
        "when": datetime(1970, 1, 1, tzinfo=UTC),
        "number": 1,
        "colour": "red",
        "colours": None,
        "size": 1,
        "distances": [LinearUnit(1), LinearUnit(2, "miles")],
    }
    assert published(everything).arguments({"Text": "abc"})["when"] is None


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("Colour", '"green"', '"green"'),
        ("Colour", '"red"', "red"),
        ("Colour", "light, blue", "light, blue"),
        ("Colours", "light, blue", ["light, blue"]),
        ("Colours", "red;'light, blue'", ["red", "light, blue"]),
        ("Colours", '["light, blue"]', ["light, blue"]),
        ("Size", "2", 2),
    ],
)
def test_choices(name: str, raw: str, value: object) -> None:
    assert published(everything).arguments({"Text": "abc", name: raw})[name.lower()] == value


def test_all_problems_are_told_at_once() -> None:
    raw = {
        "When": "never",
        "Number": "12",
        "Colour": "pink",
        "Colours": "red;pink",
        "Size": "3",
        "Distances": "1 meter;2 parsecs",
    }
    with pytest.raises(InvalidValue) as raised:
        published(everything).arguments(raw)
    lines = str(raised.value).splitlines()
    assert lines[:-1] == [
        "ERROR 000735: Text: Value is required",
        'When: "never" is not a date.',
        "Number: 12 is more than the maximum, 9.",
        'ERROR 000800: Colour: The value is not a member of red | "green" | light, blue.',
        "ERROR 000800: Colours: The value is not a member of red | light, blue.",
        "ERROR 000800: Size: The value is not a member of 1 | 2.",
    ]
    assert lines[-1].startswith('Distances: There are no units "parsecs"; use one of')


def test_less_than_the_minimum() -> None:
    with pytest.raises(InvalidValue, match=r"^Number: -1 is less than the minimum, 0\.$"):
        published(everything).arguments({"Text": "a", "Number": "-1"})


def test_results_by_name() -> None:
    assert published(everything).results("abc") == {"Output": "abc"}
    assert published(everything).results(None) == {"Output": None}
    returned = summarize([1, 2, 3])
    named = {"Mean": 2.0, "Longest_Text": None, "Zones": returned.areas}
    assert published(summarize).results(returned) == named
    assert published(summarize).results((1, 2, 3)) == {"Mean": 1, "Longest_Text": 2, "Zones": 3}


@pytest.mark.parametrize("returned", [None, (1, 2), 5])
def test_results_that_are_too_few(returned: object) -> None:
    with pytest.raises(InvalidValue, match="must return a tuple of 3 values, one for each output"):
        published(summarize).results(returned)


def test_a_named_tuple_of_one_field_is_a_tuple_too() -> None:
    class One(NamedTuple):
        only: int

    @task
    def single() -> One:
        return One(5)

    assert published(single).results(single()) == {"Only": 5}


def test_a_service_publishes_functions_or_tasks() -> None:
    service = Service("Things", tasks=[buffer_points, published(summarize)], folder="Tools", synchronous=True)
    assert service.full_name == "Tools/Things"
    assert service.tasks == (published(buffer_points), published(summarize))
    assert Service("Things").full_name == "Things"
    for name in ("BufferPoints", "bufferpoints", "Buffer Points", "buffer points"):
        assert service.task(name) is published(buffer_points)
    with pytest.raises(NotFound, match="There is no task Nothing in the service Tools/Things"):
        service.task("Nothing")


def test_a_parameter_is_a_fact() -> None:
    parameter = published(everything).inputs[0]
    assert isinstance(parameter, Parameter)
    with pytest.raises(AttributeError):
        parameter.name = "other"
