"""The gpserver command as a person types it."""

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import argon2
import geopandas
import pytest
from conftest import ROOT, Server

from gpserver.layers import open_layers

PLACES = ROOT / "examples" / "data" / "populated_places.geojson"


def gpserver(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gpserver", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)


def test_describe_lists_what_is_published(tmp_path: Path) -> None:
    answer = gpserver("describe", folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "BufferSync (synchronous)" in answer.stdout
    assert "Distance: GPLinearUnit" in answer.stdout
    assert "-> Output_Polygons: GPFeatureRecordSetLayer" in answer.stdout


def test_describe_fails_on_a_file_that_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("from gpserver import task\n\n@task\ndef f(x): ...\n")
    answer = gpserver("describe", "--services", str(tmp_path), folder=tmp_path)
    assert answer.returncode == 1
    for part in ("broken.py", "function f", "parameter x"):
        assert part in answer.stderr


def test_import_makes_a_layer_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "shops.csv").write_text("name;x;y\nÄ;1;2\nB;3;4\n")
    words = ["import", "shops.csv", "ann.shops", "--coordinates", "x,y", "--epsg", "3857"]
    answer = gpserver(*words, folder=tmp_path)
    assert answer.stdout == "ann.shops: 2 rows, Point in 3857\n", answer.stderr
    layers = open_layers(tmp_path / "gpserver-data" / "layers")
    assert list(layers.read("ann.shops")["name"]) == ["Ä", "B"]
    layers.close()
    again = gpserver(*words, folder=tmp_path)
    assert (again.returncode, again.stderr) == (1, "gpserver: The layer ann.shops already exists.\n")


def test_run_buffers_a_file(tmp_path: Path) -> None:
    output = tmp_path / "buffers.gpkg"
    answer = gpserver(
        *("run", "BufferPoints", "--Input_Features", str(PLACES)),
        *("--distance", "5 Kilometers", "--output", str(output)),
        folder=tmp_path,
    )
    assert answer.returncode == 0, answer.stderr
    assert f"Output_Polygons: {output}" in answer.stdout
    buffers = geopandas.read_file(output)
    assert len(buffers) == 243
    areas = buffers.to_crs(6933).area  # equal-area
    assert areas.median() == pytest.approx(25e6 * 3.1416, rel=0.01)


def test_run_prints_simple_results_and_writes_files(tmp_path: Path) -> None:
    answer = gpserver(
        "run", "Tools/EchoTypes", "--In_List", '["a", "b"]', "--In_Unit", "3 miles", folder=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    assert 'Out_List: ["a","b"]' in answer.stdout
    assert 'Out_Unit: {"distance":3,"units":"esriMiles"}' in answer.stdout
    output = tmp_path / "text.txt"
    gpserver("run", "FileTask", "--Text", "hello", "--output", str(output), folder=tmp_path)
    assert output.read_text() == "hello"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["run", "Missing"], "`gpserver describe` lists what there is"),
        (["run", "EchoTypes", "--In_Long", "many"], "many"),
        (["run", "FailTask", "--Reason", "no roads"], "no roads"),
        (["describe", "--services", "nowhere"], "There is no folder nowhere"),
        (["serve", "--services", "nowhere"], "There is no folder nowhere"),
        (["describe", "--nonsense"], "--nonsense"),
    ],
)
def test_a_mistake_is_one_line_without_traceback(tmp_path: Path, words: list[str], problem: str) -> None:
    answer = gpserver(*words, folder=tmp_path)
    assert answer.returncode == 1
    assert problem in answer.stderr
    assert "Traceback" not in answer.stderr


def test_run_without_a_task_or_with_help_says_how(tmp_path: Path) -> None:
    answer = gpserver("run", "BufferPoints", "--help", folder=tmp_path)
    assert answer.returncode == 0
    assert "--Input_Features" in answer.stdout
    assert "--output" in answer.stdout
    bare = gpserver("run", folder=tmp_path)
    assert bare.returncode == 1
    assert "describe" in bare.stderr


def test_a_taken_port_is_named(server: Server, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    answer = gpserver("serve", "--port", port, folder=tmp_path)
    assert answer.returncode == 1
    assert f"Port {port}" in answer.stderr
    assert "--port 0" in answer.stderr


def test_the_demonstration_shows_a_job_and_a_curl_line_that_works(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "gpserver", "serve", "--port", "0", "--demo"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 60
        while "stop it with" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        shown = log.read_text()
        for part in (
            "esriJobSucceeded",
            "Start Time",
            "Output_Polygons: 243 features",
            "/results/Output_Polygons",
            "/MapServer/jobs/j",
        ):
            assert part in shown
        [line] = re.findall(r"^  (curl .*)$", shown, re.MULTILINE)
        answer = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=30, check=True)
        assert '"jobStatus":"esriJobSubmitted"' in answer.stdout
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_a_password_is_hashed_and_never_an_argument(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gpserver", "hash-password"]
    answer = subprocess.run(
        command, input="secret\n", capture_output=True, text=True, cwd=tmp_path, timeout=120, check=True
    )
    assert argon2.PasswordHasher().verify(answer.stdout.strip(), "secret")
    for words, given in ((["secret"], "secret\n"), ([], "\n")):
        refused = subprocess.run(
            [*command, *words],
            input=given,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
        assert (refused.returncode, refused.stdout) == (1, "")


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('[access]\nSecure = ["planners"]\n', "[access] without [users]"),
        ('[users.ann]\npassword = "secret"\n', "`gpserver hash-password` makes one"),
        ('users = "ann"\n', "The setting users is not a dict"),
    ],
)
def test_a_server_with_a_mistake_in_its_users_does_not_start(tmp_path: Path, toml: str, problem: str) -> None:
    (tmp_path / "gpserver.toml").write_text(toml)
    answer = gpserver("serve", "--port", "0", folder=tmp_path)
    assert answer.returncode == 1
    assert problem in answer.stderr
