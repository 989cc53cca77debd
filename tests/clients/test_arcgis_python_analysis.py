"""arcgis for Python makes functions of the analysis tasks and reads what they give."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Said = Callable[[str], Any]


@pytest.fixture(scope="module")
def said(arcgis_python: str, converse: Any, told: Any, services: str) -> Said:
    """What came of each scenario of analysis_toolbox.py."""
    found: Said = told(converse(arcgis_python, Path(__file__).parent / "analysis_toolbox.py", services))
    return found


def test_summarize_within_gives_a_result_layer_and_groups(said: Said) -> None:
    found = said("summarize_within")
    assert found["outputs"] == ["result_layer", "group_by_summary"]
    assert found["areas"] == [["x", 2, 150, 20], ["y", 1, 50, 10]]
    assert found["groups"] == [[1, "a", 100], [1, "b", 50], [2, "b", 50]]


def test_join_features_takes_the_best_record(said: Said) -> None:
    assert said("join_features") == [["x", "b", 40], ["y", "b", 40]]


def test_create_buffers_shrinks(said: Said) -> None:
    assert said("create_buffers") == [["x", -100, 640_000], ["y", -100, 640_000]]
