"""Story 3: recorded once, replayed for ever.

In production there is one licensed server; it is slow, shared, behind a VPN, and gone when the test runs.
Here a proxy writes down what client and server said, without secrets; later the recording answers alone.
The client should be given its server's address by the test, and know nothing of the recording.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gpserver.testing import GPServer


@contextmanager
def gpserver(*arguments: str | Path) -> Iterator[str]:
    """`gpserver record` or `gpserver replay`, until the end of the block; gives the URL of its services."""
    command = [sys.executable, "-m", "gpserver", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = re.search(r"ready: (\S+)", process.stdout.readline())
        assert ready
        yield ready[1]
        process.send_signal(signal.SIGTERM)


def ask(services: str, x: float, y: float) -> float:
    """The client: asks a service that answers at once."""
    query = {"f": "json", "X": x, "Y": y, "token": "a-secret"}
    answer = httpx.get(f"{services}/Terrain/GPServer/Elevation/execute", params=query).json()
    return float(answer["results"][0]["value"])


def test_the_recording_answers_when_the_server_is_gone(gp_server: GPServer, tmp_path: Path) -> None:
    @gp_server.task(service="Terrain", synchronous=True)
    def elevation(x: float, y: float) -> float:
        return x + y

    cassette = tmp_path / "terrain.har"
    with gpserver("record", "--from", gp_server.services, "--to", cassette) as services:
        assert ask(services, 8.5, 47) == 55.5
    assert "a-secret" not in cassette.read_text()
    gp_server.reset()  # nobody knows of any elevation now
    with gpserver("replay", cassette) as services:
        assert ask(services, 8.5, 47) == 55.5
        with pytest.raises(KeyError):  # never recorded, so never invented
            ask(services, 0, 0)
