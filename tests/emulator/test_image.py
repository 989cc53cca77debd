"""The image of the emulator: what can be said of it where there is no Docker."""

import json
import re
import subprocess
import sys
from urllib.parse import urlsplit

from conftest import ROOT

from gpserver.testing import GPServer

LINES = (ROOT / "examples/testing/Containerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
HOSTS = (ROOT / "examples/hosts/Containerfile").read_text("utf-8")
INSIDE = "127.0.0.1:6080"


def instruction(name: str) -> str:
    [found] = [line.removeprefix(name) for line in LINES if line.startswith(f"{name} ")]
    return found


def test_it_is_the_server_s_own_image_which_runs_as_nobody_special() -> None:
    built = re.findall(r"docker build -f (\S+) -t (\S+) ", "\n".join(LINES))
    assert ("examples/hosts/Containerfile", instruction("FROM").strip()) in built
    assert all((ROOT / file).is_file() for file, _ in built)
    assert "\nUSER gpserver\n" in HOSTS  # and nothing here takes that back
    assert not any(line.startswith("USER") for line in LINES)


def test_it_listens_where_its_health_is_asked() -> None:
    command = json.loads(instruction("ENTRYPOINT"))
    assert command[:2] == ["gpserver", "emulate"]
    assert command[command.index("--port") + 1] == INSIDE.partition(":")[2]
    assert f"EXPOSE {INSIDE.partition(':')[2]}" in HOSTS


def test_it_is_healthy_once_the_emulator_is_ready(gp_server: GPServer) -> None:
    python, option, code = json.loads(instruction("HEALTHCHECK").partition("CMD")[2])
    assert (python, option) == ("python", "-c")

    def asked(place: str) -> int:
        assert INSIDE in code
        words = [sys.executable, "-c", code.replace(INSIDE, place)]
        return subprocess.run(words, capture_output=True, timeout=30).returncode

    assert asked(urlsplit(gp_server.url).netloc) == 0
    assert asked("127.0.0.1:1") != 0
