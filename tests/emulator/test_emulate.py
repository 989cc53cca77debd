"""The command ``gpserver emulate``."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
from conftest import ROOT, Server

SCENARIO = """
seed = 3
start = 2024-02-29T12:00:00Z
speed = 0
version = 10.91

[[timelines]]
task = "Buffer"
steps = [{ status = "executing", seconds = 2 }, { status = "failed", messages = ["ERROR 000735"] }]
"""


def emulate(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gpserver", "emulate", "--port", "0", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_says_where_it_is_and_goes_when_it_is_told(tmp_path: Path) -> None:
    scenario = tmp_path / "late.toml"
    scenario.write_text(SCENARIO)
    with emulate("--scenario", str(scenario)) as process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        assert (said["ready"], said["pid"]) == (True, process.pid)
        assert httpx.get(f"{said['services']}?f=json").json()["currentVersion"] == 10.91
        assert httpx.get(f"{said['admin']}/scenario").json()["timelines"][0]["task"] == "Buffer"
        assert httpx.get(f"{said['url']}/readyz").status_code == 200
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


def test_canned_services_are_served_and_who_looks_on_keeps_nobody_waiting() -> None:
    with emulate("--services", str(ROOT / "examples/testing/services")) as process:
        assert process.stdout
        assert process.stderr
        said = json.loads(process.stdout.readline())
        names = [item["name"] for item in httpx.get(f"{said['services']}?f=json").json()["services"]]
        with httpx.stream("GET", f"{said['admin']}/events") as stream:
            assert next(stream.iter_lines()).startswith("data: ")
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(10) == 0
        complaints = process.stderr.read()
    assert names == ["Proximity"]
    assert "graceful" not in complaints


def test_a_server_for_work_has_none_of_it(server: Server) -> None:
    for path in ("/emulator", "/emulator/", "/emulator/requests", "/emulator/clock", "/emulator/page.js"):
        assert httpx.get(server.url + path).status_code == 404
        assert httpx.post(server.url + path, json={}).status_code == 404


def test_a_scenario_that_is_wrong_is_told(tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.toml"
    scenario.write_text("sped = 0\n")
    with emulate("--scenario", str(scenario)) as process:
        assert process.wait(30) == 1
        assert process.stderr
        text = process.stderr.read()
    assert "wrong.toml is not right: Object contains unknown field `sped`" in text
    assert "Traceback" not in text
