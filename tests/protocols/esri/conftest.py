"""A server where tokens are on, and clients of its users."""

from collections.abc import Callable, Iterator

import pytest
from conftest import Server
from gpclient import Client
from secured import start_secured, token_of


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the users and services of secured.py."""
    server = start_secured(tmp_path_factory.mktemp("secured"))
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture(scope="session")
def nobody(secured: Server) -> Client:
    """A client without a token."""
    return secured.client


@pytest.fixture(scope="session")
def signed_in(secured: Server) -> Iterator[Callable[[str], Client]]:
    """A client of a user, whose token travels in a header."""
    clients: dict[str, Client] = {}

    def client_of(name: str) -> Client:
        if name not in clients:
            clients[name] = Client(secured.url)
            clients[name].http.headers["X-Esri-Authorization"] = f"Bearer {token_of(secured.client, name)}"
        return clients[name]

    yield client_of
    for client in clients.values():
        client.http.close()
