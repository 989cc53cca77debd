"""The example of several hosts: its files name what there is, and a real proxy and systemd take them."""

import contextlib
import io
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from conftest import ROOT, Server

from gpserver.cli import main
from gpserver.settings import Settings, load_settings

HOSTS = ROOT / "examples" / "hosts"
COMPOSE: dict[str, Any] = yaml.safe_load((HOSTS / "compose.yaml").read_text("utf-8"))
UNITS = sorted(HOSTS.glob("*.service"))
SETTINGS = load_settings({}, {}, HOSTS / "gpserver.toml")


def help_of(*command: str) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit):
        main([*command, "--help"])
    return said.getvalue()


def check_command(words: list[str]) -> None:
    """Fail where a command line has a command or an option that gpserver does not have."""
    listed = help_of(*words[: 2 if words[0] == "jobs" else 1])
    for word in words[1:]:
        assert not word.startswith("--") or word.partition("=")[0] in listed, words


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_services_of_compose_run_commands_that_there_are() -> None:
    services = COMPOSE["services"]
    for name in ("migrate", "web", "worker"):
        check_command(services[name]["command"])
        known = {f"GPSERVER_{field.name.upper()}" for field in fields(Settings)}
        asked = {name for name in services[name]["environment"] if name.startswith("GPSERVER_")}
        assert asked <= known
    needed = {other for service in services.values() for other in service.get("depends_on", ())}
    assert needed <= services.keys()
    assert seconds(services["worker"]["stop_grace_period"]) > SETTINGS.drain


def test_what_compose_mounts_is_there_and_where_the_image_looks_for_it() -> None:
    mounts = {
        tuple(mount.split(":")[:2])
        for name in ("web", "worker", "proxy", "database")
        for mount in COMPOSE["services"][name]["volumes"]
    }
    for source, _ in mounts:
        assert (HOSTS / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"], source
    [place] = re.findall(r"^WORKDIR (/srv.*)$", (HOSTS / "Containerfile").read_text("utf-8"), re.MULTILINE)
    assert ("./gpserver.toml", f"{place}/gpserver.toml") in mounts
    assert ("data", str(SETTINGS.data)) in mounts


def test_the_image_is_made_of_files_that_are_there_and_runs_as_nobody_special() -> None:
    lines = (HOSTS / "Containerfile").read_text("utf-8").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    assert all((ROOT / source).exists() for sources in copied for source in sources)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for asked in re.findall(r"\[([a-z0-9,]+)\]\"", "\n".join(lines)):
        assert set(asked.split(",")) <= extras.keys()
    assert "USER gpserver" in lines
    [command] = [line for line in lines if line.startswith("CMD ")]
    check_command(yaml.safe_load(command.removeprefix("CMD ")))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_start_commands_that_there_are_and_wait_for_jobs_to_drain(path: Path) -> None:
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text("utf-8"))
    service = unit["Service"]
    check_command(shlex.split(service["ExecStart"])[1:])
    assert service["KillMode"] == "mixed"  # or systemd would kill the jobs itself
    if "worker" in path.name:
        assert int(service["TimeoutStopSec"]) > SETTINGS.drain


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_with_the_units(path: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze: run tests/clients/setup.sh")
    copy = tmp_path / path.name.replace("@.", "@1.")
    program = shutil.which("true")
    copy.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={program}", path.read_text("utf-8")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_guide_s_commands_and_settings_are_there() -> None:
    guide = (HOSTS / "README.md").read_text("utf-8")
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", guide, re.DOTALL))
    commands = re.findall(r"gpserver (serve|worker|migrate|jobs)\b([^\n#]*)", shell)
    assert {name for name, _ in commands} == {"serve", "worker", "migrate", "jobs"}
    for name, options in commands:
        check_command([name, *shlex.split(options)])
    for block in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL):
        names = {field.name for field in fields(Settings)}
        assert tomllib.loads(block).keys() <= names, block


@pytest.fixture(scope="module")
def proxy(server: Server) -> Iterator[str]:
    """nginx with the example's file before two web nodes, of which one is not there; gives its URL."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH')}:/usr/sbin")
    if not nginx:
        pytest.skip("needs nginx: run tests/clients/setup.sh")
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in free:
            each.bind(("127.0.0.1", 0))
        port, nobody = (each.getsockname()[1] for each in free)
        free[0].close()  # the other one stays: nobody listens there, and nobody else will
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process = subprocess.Popen(
            [nginx, "-p", str(folder), "-c", str(_configured(folder, port, nobody, server)), "-e", "stderr"]
        )
        stack.callback(process.wait)
        stack.callback(process.send_signal, signal.SIGTERM)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/metrics")
                break
            assert process.poll() is None, "nginx does not take the file"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield url


def _configured(folder: Path, port: int, nobody: int, server: Server) -> Path:
    text = (HOSTS / "nginx.conf").read_text("utf-8")
    alive = server.url.removeprefix("http://")
    places = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    for old, new in {
        "events {}": f"daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}",
        "http {\n": "http {\n" + places,
        "server web:6080 max_fails=1 fail_timeout=2s;": f"server 127.0.0.1:{nobody}; server {alive};",
        "listen 80;": f"listen 127.0.0.1:{port};",
    }.items():
        assert old in text
        text = text.replace(old, new)
    file = folder / "nginx.conf"
    file.write_text(text)
    return file


def test_a_proxy_passes_over_a_node_that_is_gone_and_clients_see_its_name(proxy: str) -> None:
    with httpx.Client() as http:
        for _ in range(4):
            info = http.get(f"{proxy}/arcgis/rest/info?f=json", headers={"Host": "gis.example.com"})
            assert info.status_code == 200
        catalog = http.get(f"{proxy}/arcgis/rest/services", headers={"Host": "gis.example.com"}).text
        assert "127.0.0.1" not in catalog
        assert http.get(f"{proxy}/metrics").status_code == 404


def test_large_bodies_and_results_go_through_a_proxy(proxy: str) -> None:
    with httpx.Client(timeout=60) as http:
        sent = b"x" * 3_000_000
        answer = http.post(
            f"{proxy}/arcgis/rest/services/Buffer/GPServer/uploads/upload",
            data={"f": "json"},
            files={"file": ("large.txt", sent)},
        ).json()
        assert answer["success"], answer
