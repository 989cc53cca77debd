"""What the documents say is so."""

import re
import tomllib
from pathlib import Path
from typing import Any

import geopandas
import httpx
import pytest
from shapely.geometry import Point

from gpserver import JobContext
from gpserver.catalog import Catalog
from gpserver.job import MOVES
from gpserver.security import NOBODY, Access, User, caller_of
from gpserver.testing import GPServer

ROOT = Path(__file__).resolve().parent.parent


def blocks(file: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", file.read_text("utf-8"), re.DOTALL)


def test_the_status_diagram_is_the_table_of_moves() -> None:
    [diagram] = blocks(ROOT / "gpserver" / "README.md", "mermaid")
    drawn = set(re.findall(r"(\w+) --> (\w+)", diagram))
    assert drawn == {(str(source), str(to)) for source, targets in MOVES.items() for to in targets}


def test_the_readme_s_own_task_is_published_and_works(tmp_path: Path) -> None:
    task_, service, looks, _ = blocks(ROOT / "README.md", "python")
    (tmp_path / "proximity.py").write_text(task_ + "\n" + service)
    (tmp_path / "districts.py").write_text(looks)
    catalog = Catalog(tmp_path)
    assert catalog.task("Districts", "FindDistricts").outputs[0].symbology is not None
    assert catalog.errors == {}
    task = catalog.task("ProximitySync", "FindNearby")
    assert [item.name for item in task.parameters] == ["Places", "Center", "Radius", "Nearby_Points"]
    places = geopandas.GeoDataFrame(geometry=[Point(2.35, 48.86), Point(13.4, 52.5)], crs=4326)
    assert len(task.function(JobContext(), places, places.head(1))) == 1


def test_the_readme_s_own_test_passes(gp_server: GPServer) -> None:
    def buffer_points(distance: float) -> float:
        return distance

    def my_client(services: str) -> str:
        task = f"{services}/Emulated/GPServer/BufferPoints"
        job = httpx.post(f"{task}/submitJob", data={"f": "json", "Distance": 5}).json()
        url, answers = f"{task}/jobs/{job['jobId']}?f=json", []
        while not answers or "esriJobExecuting" in answers[-1] or "<html>" in answers[-1]:
            answers.append(httpx.get(url).text)
        assert any("<html>" in answer for answer in answers)
        return answers[-1]

    names: dict[str, Any] = {"buffer_points": buffer_points, "my_client": my_client}
    exec(blocks(ROOT / "README.md", "python")[-1], names)
    names["test_a_job_that_fails_is_told"](gp_server)


def test_every_module_of_the_map_exists() -> None:
    [ladder] = [text for text in blocks(ROOT / "gpserver" / "README.md", "") if text.startswith("errors ")]
    names = {
        name
        for line in ladder.splitlines()
        for name in re.split(r"[ ·]+", re.split(r" {3,}", line)[0])
        if name
    }
    for name in names:
        place = ROOT / "gpserver" / name
        assert place.is_dir() or place.with_suffix(".py").is_file(), name


def test_the_readme_s_rules_of_access_say_what_their_comments_say() -> None:
    [rules] = [text for text in blocks(ROOT / "README.md", "toml") if "[access]" in text]
    settings = tomllib.loads(rules)
    users = {name: User(name, "", frozenset(table["roles"])) for name, table in settings["users"].items()}
    access, callers = Access(settings["access"], users), (caller_of(users["ann"]), caller_of(User("eve", "")))
    allowed = [
        [access.allows(caller, name) for caller in (*callers, NOBODY)]
        for name in ("Secure/Any", "Secure/Buffer", "Any")
    ]
    assert allowed == [[True, False, False], [True, True, False], [True, True, True]]


@pytest.mark.parametrize("file", ["README.md", "gpserver/README.md", "CONTRIBUTING.md", "examples/README.md"])
def test_links_and_paths_lead_somewhere(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    for path in re.findall(r"`((?:gpserver|examples|tests|\.ci)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
