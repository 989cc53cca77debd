"""The plugin of pytest: ``gp_server``, an emulated server on a port, and ``gp_app``, one without."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# The rest is loaded by the first test that wants it: the plugin is there in sessions that never do.
if TYPE_CHECKING:
    from gpserver.emulator.emulator import Emulator
    from gpserver.emulator.serving import Resident, Served
    from gpserver.testing import GPServer


@pytest.fixture(scope="session")
def gp_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Served"]:
    """The server of a whole session, on a free port."""
    from gpserver.emulator.serving import Served

    served = Served(_emulator(tmp_path_factory.mktemp("services")))
    served.start()
    yield served
    served.close()


@pytest.fixture
def gp_server(gp_served: "Served") -> Iterator["GPServer"]:
    """An emulated server on a port, as new for each test."""
    from gpserver.testing import GPServer

    server = GPServer(gp_served, gp_served.url)
    yield server
    server.reset()


@pytest.fixture(scope="session")
def gp_resident(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Resident"]:
    """The application of a whole session, on no port."""
    from gpserver.emulator.serving import Resident

    resident = Resident(_emulator(tmp_path_factory.mktemp("services")))
    resident.start()
    yield resident
    resident.close()


@pytest.fixture
def gp_app(gp_resident: "Resident") -> Iterator["GPServer"]:
    """An emulated server for ``httpx.ASGITransport`` and the like, as new for each test."""
    from gpserver.testing import GPServer

    server = GPServer(gp_resident, "http://gpserver")
    yield server
    server.reset()


def _emulator(services: Path) -> "Emulator":
    from gpserver.emulator.emulator import Emulator
    from gpserver.settings import Settings

    return Emulator(Settings(services=services))
