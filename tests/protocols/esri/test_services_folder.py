"""The services folder behind a running server: hot reload, broken files, folders, message levels."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Server, start
from gpclient import Client, EsriError, points

SERVICE = '''
"""Greets people."""
import time
from gpserver import JobContext, Service, task

@task(output="greeting")
def greet(job: JobContext, name: str = "you", seconds: float = 0) -> str:
    """Greet someone."""
    job.info("an information")
    job.warning("a warning")
    time.sleep(seconds)
    return "{word} " + name

@task
def stumble(job: JobContext) -> str:
    """Fail."""
    job.info("before")
    raise ValueError("over a stone")
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("live")
    (folder / "services" / "Town").mkdir(parents=True)
    server = start(folder, folder / "services")
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture
def services(server: Server) -> Path:
    return server.data.parent / "services"


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


def write(file: Path, text: str) -> None:
    """Save a file with a time stamp of its own, however coarse the clock of the disk."""
    file.write_text(text)
    stamp = time.time_ns() + 1_000_000
    os.utime(file, ns=(stamp, stamp))


def greeting(client: Client, task: str) -> str:
    return str(client.run(task)["Greeting"])


def test_a_new_file_is_served_and_an_edit_is_the_next_job(client: Client, services: Path) -> None:
    write(services / "hello.py", SERVICE.format(word="hello"))
    assert client.get("Hello/GPServer")["tasks"] == ["Greet", "Stumble"]
    assert greeting(client, "Hello/Greet") == "hello you"
    slow = client.submit("Hello/Greet", seconds=1)
    client.wait(slow, lambda state: "an information" in str(state["messages"]))
    write(services / "hello.py", SERVICE.format(word="good day"))
    assert greeting(client, "Hello/Greet") == "good day you"
    client.wait(slow)
    assert client.get(f"{slow}/results/Greeting")["value"] == "hello you"
    (services / "hello.py").unlink()
    with pytest.raises(EsriError):
        client.get("Hello/GPServer")
    assert client.get(slow)["jobStatus"] == "esriJobSucceeded"
    assert client.get(f"{slow}/results/Greeting")["value"] == "hello you"


def test_a_broken_file_keeps_its_last_good_version_and_fails_its_jobs(client: Client, services: Path) -> None:
    write(services / "broken.py", SERVICE.format(word="hello"))
    assert greeting(client, "Broken/Greet") == "hello you"
    write(services / "broken.py", SERVICE.format(word="hello") + "\nraise RuntimeError('half written')\n")
    assert client.get("Broken/GPServer")["tasks"] == ["Greet", "Stumble"]
    assert "half written" in client.http.get(client.place("Broken/GPServer")).text
    assert "half written" in client.http.get(client.place("")).text
    state = client.wait(client.submit("Broken/Greet"))
    assert state["jobStatus"] == "esriJobFailed"
    assert "half written" in str(state["messages"])
    write(services / "broken.py", SERVICE.format(word="mended"))
    assert greeting(client, "Broken/Greet") == "mended you"


def test_misuse_names_the_file_the_function_the_parameter_and_the_cure(
    client: Client, services: Path
) -> None:
    text = "from gpserver import task\n@task\ndef area(shape) -> float:\n    return 1.0\n"
    write(services / "misuse.py", text)
    page = client.http.get(client.place("")).text
    for part in ("misuse.py", "area", "shape", "annotat"):
        assert part in page
    (services / "misuse.py").unlink()


def test_a_sub_folder_is_an_arcgis_folder(client: Client, services: Path, server: Server) -> None:
    write(services / "Town" / "square.py", SERVICE.format(word="hey"))
    assert client.get("")["folders"] == ["Town"]
    assert client.get("Town")["services"] == [{"name": "Town/Square", "type": "GPServer"}]
    assert client.get("Town")["folders"] == []
    assert greeting(client, "Town/Square/Greet") == "hey you"
    job_id = client.post(f"{server.url}/Town/Square/Greet/submitJob")["jobId"]
    assert client.wait(f"{server.url}/Town/Square/Greet/jobs/{job_id}")["jobStatus"] == "esriJobSucceeded"
    page = client.http.get(client.place("Town/Square/GPServer")).text
    assert 'href="/arcgis/rest/services/Town"' in page


LEVELS = """
levels = [Service(f"Level{n}", message_level=n) for n in ("None", "Error", "Warning", "Info")]
"""


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("None", []),
        ("Error", []),
        ("Warning", ["a warning"]),
        ("Info", ["an information", "a warning"]),
    ],
)
def test_the_message_level_decides_what_is_heard(
    client: Client, services: Path, level: str, heard: list[str]
) -> None:
    if not (services / "levels.py").exists():
        write(services / "levels.py", SERVICE.format(word="hello") + LEVELS)
    lines = [m["description"] for m in client.wait(client.submit(f"Level{level}/Greet"))["messages"]]
    assert [line for line in lines if line.startswith("a")] == heard
    assert lines[:2] == ["Submitted.", "Executing..."]
    assert lines[-1].startswith("Succeeded at" if level == "Info" else "Succeeded.")
    failed = client.wait(client.submit(f"Level{level}/Stumble"))
    errors = [m["description"] for m in failed["messages"] if m["type"] == "esriJobMessageTypeError"]
    assert errors == ["ValueError: over a stone", "Failed to execute (Stumble)."]


LISTS = """
from pathlib import Path
from typing import NamedTuple
from gpserver import JobContext, Points, task

class Parts(NamedTuple):
    files: list[Path]
    layers: list[Points]

@task
def split(job: JobContext, places: Points) -> Parts:
    (job.scratch / "one.txt").write_text("1")
    return Parts([job.scratch / "one.txt"], [places.head(1), places.tail(2)])
"""


def test_lists_of_files_and_layers_go_out_as_urls_and_feature_sets(client: Client, services: Path) -> None:
    write(services / "lists.py", LISTS)
    results = client.run("Lists/Split", Places=json.dumps(points(3)))
    [file] = results["Files"]
    assert client.http.get(file["url"]).text == "1"
    assert [len(layer["features"]) for layer in results["Layers"]] == [1, 2]
