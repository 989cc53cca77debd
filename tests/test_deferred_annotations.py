"""The same functions as anywhere, in a module whose annotations are text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import pytest

from gpserver import JobContext, LinearUnit, Param, Points, Polygons, task
from gpserver.errors import PublishingError
from gpserver.publishing import task_of

if TYPE_CHECKING:
    from datetime import datetime


class Both(NamedTuple):
    areas: Polygons
    count: int | None


def test_annotations_that_are_text_mean_the_same() -> None:
    @task
    def zones(
        job: JobContext,
        places: Points,
        kind: Annotated[Literal["ring", "disk"], Param(category="Look")] = "disk",
        distance: LinearUnit | None = None,
    ) -> Both: ...

    found = task_of(zones)
    assert found is not None
    assert found.wants_context
    assert [(item.name, item.data_type.name, item.required) for item in found.parameters] == [
        ("Places", "GPFeatureRecordSetLayer", True),
        ("Kind", "GPString", False),
        ("Distance", "GPLinearUnit", False),
        ("Areas", "GPFeatureRecordSetLayer", True),
        ("Count", "GPLong", False),
    ]
    assert found.inputs[1].choices == ("ring", "disk")
    assert found.inputs[1].category == "Look"


def test_a_name_that_is_not_there_at_run_time() -> None:
    with pytest.raises(PublishingError) as raised:

        @task
        def later(moment: datetime) -> None: ...

    assert str(raised.value) == (
        'function later: The name "datetime" in an annotation is not known. '
        "Import it at the top of the file, not inside a function or `if TYPE_CHECKING`."
    )
