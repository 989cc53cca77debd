"""A real server recorded, replayed without it, and compared with it: real clients see no difference."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import secured
from conftest import ROOT, publishing
from everpoint import Everpoint, point
from gpclient import Client
from haralyzer import HarEntry, HarParser

from gpserver.cassettes.cassette import Cassette
from gpserver.cassettes.file import read_cassette, write_cassette
from gpserver.cli import main

SURVEY = '''
from gpserver import JobContext, Points, Service, TaskError, task


@task(output="marked")
def mark(job: JobContext, places: Points, label: str = "seen") -> Points:
    """Mark places."""
    job.info(f"There are {len(places)} places.")
    return places.assign(label=label)


@task
def refuse(reason: str) -> None:
    """Fail."""
    raise TaskError(reason)


@task(output="said")
def count(start: int = 0, step: int = 1) -> int:
    """Count."""
    return start + step


jobs = Service("Survey", tasks=[mark, refuse])
calls = Service("Sums", tasks=[count], synchronous=True)
'''
CHANGED = SURVEY.replace("label=label", "label=label.upper(), seen=1").replace('= "seen"', '= "noted"')
READY = re.compile(r"gpserver is ready: (http://127\.0\.0\.1:\d+)(\S*)")
EVERGIS = (ROOT / "services/evergis.py").read_text()
SERVICES = {"survey.py": SURVEY, "evergis.py": EVERGIS}
NODE = ROOT / "tests/clients/recorded.mjs"


@contextmanager
def running(folder: Path, *words: str | Path) -> Iterator[str]:
    """A command that serves; gives its URL once it answers, and it ends well when told to."""
    log = folder / f"{words[0]}.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "gpserver", *map(str, words)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    until = time.monotonic() + 60
    while not (ready := READY.search(log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until
        time.sleep(0.02)
    yield ready[1]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


@dataclass
class Recorded:
    """What was recorded, what the clients made of it, and how it compares with servers."""

    cassette: Path
    token: str
    javascript: dict[str, Any] | None
    evergis: list[Any]
    same: tuple[int, str] = (2, "")
    changed: tuple[int, str] = (2, "")


def ask_in_javascript(url: str, token: str) -> dict[str, Any] | None:
    """What the npm client makes of the survey; None where it is not installed."""
    node, packages = shutil.which("node"), ROOT / "tests/clients/node_modules"
    if not node or not packages.exists():
        return None
    command = [node, NODE, f"{url}/arcgis/rest/services", token]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask_evergis(url: str) -> list[Any]:
    """Copy a layer by the scheduler of EverGIS; what was answered on the way, without dates."""
    sign_in = httpx.post(
        f"{url}/sp/account/login", json={"username": "ann", "password": "nna"}, trust_env=False
    )
    with Everpoint(url, "ann", sign_in.json()["token"]) as caller:
        source = caller.layer("places", ("name", "String"))
        caller.add(source, point(7.5, 51.25, name="north"))
        storage = {"type": "layerTaskDataStorage"}
        body = {
            "source": {**storage, "serviceName": source},
            "target": {**storage, "serviceName": "ann.copy", "createNewService": True},
        }
        task = caller.post("/scheduler/tasks", body, type="copy")["taskId"]
        while (progress := caller.get(f"/scheduler/tasks/{task}/progress"))["taskResult"] is None:
            time.sleep(0.02)
        features = caller.features("ann.copy")
        for layer in ("ann.copy", source):
            caller.delete(f"/layers/{layer}")
    return [progress["status"], progress["taskResult"]["outputObjectCount"], features]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The cassette of two clients and a server that is gone."""
    folder = tmp_path_factory.mktemp("recorded")
    cassette = folder / "town.har"
    with publishing(folder / "original", SERVICES, secured.toml()) as server:
        token = secured.token_of(server.client, "ann")
        words = ("record", "--from", f"{server.rest}/services", "--to", cassette, "--redact", "TENANT")
        with running(folder, *words) as proxy:
            client = Client(proxy)
            secured.token_of(client, "ann")
            for start in (10, 50):
                client.get("Sums/GPServer/Count/execute", Start=start, Step=2)
            client.http.close()
            found = Recorded(cassette, token, ask_in_javascript(proxy, token), ask_evergis(proxy))
        found.same = diff(cassette, server.url, token, "--json")
        (folder / "original/services/survey.py").write_text(CHANGED)
        until = time.monotonic() + 60
        while "noted" not in str(server.client.get("Survey/GPServer/Mark", token=token)):
            assert time.monotonic() < until
            time.sleep(0.05)
        found.changed = diff(survey_of(cassette), server.url, token)
    return found


def diff(cassette: Path, url: str, token: str, *options: str) -> tuple[int, str]:
    """The exit code of `gpserver diff`, and what it says."""
    with redirect_stdout(StringIO()) as output:
        status = main(["diff", str(cassette), url, "--token", token, *options])
    return status, output.getvalue()


def survey_of(cassette: Path) -> Path:
    """The part of a cassette that is about the survey."""
    kept = [item for item in read_cassette(cassette).exchanges if "/Survey/" in item.url]
    write_cassette(cassette.with_name("survey.har"), Cassette(tuple(kept), ("TENANT",)))
    return cassette.with_name("survey.har")


@pytest.fixture(scope="module")
def replayed(recorded: Recorded) -> Iterator[str]:
    """URL of the replay."""
    with running(recorded.cassette.parent, "replay", recorded.cassette) as url:
        yield url


def test_a_client_in_javascript_sees_no_difference(recorded: Recorded, replayed: str) -> None:
    if recorded.javascript is None:
        pytest.skip("needs the npm packages: run tests/clients/setup.sh")
    told = ask_in_javascript(replayed, "any")
    assert told is not None
    # What was redacted is another, and the host that served it; all else is the same.
    [feature] = recorded.javascript["output"]["value"]["features"]
    assert feature["attributes"]["TENANT"] == "Ada Lovelace"
    feature["attributes"]["TENANT"] = "redacted-tenant-1"
    assert told.pop("help").startswith(replayed)
    assert recorded.javascript.pop("help")
    assert told == recorded.javascript


def test_a_client_of_evergis_sees_no_difference(recorded: Recorded, replayed: str) -> None:
    assert ask_evergis(replayed) == recorded.evergis
    assert recorded.evergis[:2] == ["Completed", 1]


def test_nothing_secret_is_in_the_cassette(recorded: Recorded) -> None:
    text = recorded.cassette.read_text("utf-8")
    assert recorded.token not in text
    assert "nna" not in text
    assert "Lovelace" not in text
    assert "127.0.0.1" not in text


def test_others_can_read_the_cassette(recorded: Recorded) -> None:
    parser = HarParser.from_file(str(recorded.cassette))
    entries = [HarEntry(item) for item in parser.har_data["entries"]]
    submits = [item for item in entries if item.url.endswith("/Mark/submitJob")]
    assert parser.version == "1.2"
    assert recorded.javascript is None or len(submits) == 1
    assert {item.response.status for item in entries} == {200}
    assert [item.startTime for item in entries] == sorted(item.startTime for item in entries)


def test_the_server_that_was_recorded_does_not_differ(recorded: Recorded) -> None:
    status, text = recorded.same
    told = json.loads(text)
    assert (status, told["different"]) == (0, 0), told
    assert told["requests"] > 10
    assert {item["skipped"][:11] for item in told["outcomes"]} == {"", "it signs in"}


def test_a_changed_service_is_told_as_such(recorded: Recorded) -> None:
    if recorded.javascript is None:
        pytest.skip("needs the npm packages: run tests/clients/setup.sh")
    status, told = recorded.changed
    marked = told.partition("/results/Marked\n")[2]
    assert status == 1
    assert "  value $.parameters[*].defaultValue: seen -> noted\n" in told
    assert "  value $.value.features[*].attributes.label: seen -> SEEN\n" in marked
    assert "  added $.value.features[*].attributes.seen: nothing -> 1\n" in marked
    assert "Refuse" not in told
    assert re.search(r"\n[23] of \d+ requests differ, 0 were not sent\.\n$", told)


def test_a_server_that_cannot_be_asked_is_no_difference(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", str(recorded.cassette), "http://127.0.0.1:9"]) == 2
    assert "http://127.0.0.1:9 cannot be reached" in capsys.readouterr().err
