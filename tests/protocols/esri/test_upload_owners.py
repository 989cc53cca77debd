"""Uploaded items where users sign in: whose they are, and who may see and use them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Server, publishing
from gpclient import Client, EsriError
from secured import token_of, toml

FILES = '''
from pathlib import Path

from gpserver import task


@task(output="size")
def measure(in_file: Path) -> int:
    """Give the size of a file."""
    return in_file.stat().st_size
'''
UPLOADS = "Secure/Files/GPServer/uploads"
As = Callable[[str], Client]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = "max_body = 100_000\nmax_upload = 1_000_000\n" + toml()
    with publishing(tmp_path_factory.mktemp("owners"), {"Secure/files.py": FILES}, settings) as server:
        yield server


@pytest.fixture
def as_(server: Server) -> Iterator[As]:
    """A client of a user; of nobody where the name is empty."""
    clients: list[Client] = []

    def client_of(name: str) -> Client:
        clients.append(Client(server.url))
        if name:
            clients[-1].http.headers["X-Esri-Authorization"] = f"Bearer {token_of(server.client, name)}"
        return clients[-1]

    yield client_of
    for client in clients:
        client.http.close()


def upload(client: Client) -> Any:
    answer = client.http.post(
        client.place(f"{UPLOADS}/upload"), data={"f": "json"}, files={"file": ("a.txt", b"12345")}
    )
    return answer.json()["item"]["itemID"]


def code_of(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with pytest.raises(EsriError) as caught:
        call(*args, **kwargs)
    return caught.value.code


def test_who_may_not_use_the_service_may_not_upload(as_: As) -> None:
    assert code_of(as_("").get, f"{UPLOADS}/info") == 499
    assert code_of(as_("eve").post, f"{UPLOADS}/register", itemName="a.txt") == 403


def test_a_large_file_is_taken_from_whom_the_server_knows_before_it_comes(as_: As, server: Server) -> None:
    token, files = token_of(server.client, "ann"), {"file": ("a.txt", bytes(500_000))}

    def send(client: Client, data: Any, **query: str) -> Any:
        place = client.place(f"{UPLOADS}/upload")
        return client.http.post(place, params={"f": "json", **query}, data=data, files=files).json()

    assert send(as_("ann"), {})["success"]
    assert send(as_(""), {}, token=token)["success"]
    for name, data in (("", {}), ("", {"token": token}), ("eve", {})):
        error = send(as_(name), data)["error"]
        assert "takes up to 100000" in str(error["details"]), (name, data, error)
    place = server.client.place("Secure/Nothing/GPServer/uploads/upload")
    error = server.client.http.post(place, params={"f": "json"}, files=files).json()["error"]
    assert "takes up to 100000" in str(error["details"])


def test_an_item_is_its_owners_alone(as_: As) -> None:
    ann, bob, root = as_("ann"), as_("bob"), as_("root")
    item = upload(ann)
    assert item in [each["itemID"] for each in ann.get(UPLOADS)["uploads"]]
    assert bob.get(UPLOADS) == {"uploads": []}
    for operation in ("", "/parts", "/download"):
        assert code_of(bob.get, f"{UPLOADS}/{item}{operation}") == 400
    for operation in ("/delete", "/commit"):
        assert code_of(bob.post, f"{UPLOADS}/{item}{operation}") == 400
    assert ann.get(f"{UPLOADS}/{item}") == root.get(f"{UPLOADS}/{item}")
    assert root.post(f"{UPLOADS}/{item}/delete") == {"success": True}


def test_only_jobs_of_the_owner_read_an_item(as_: As) -> None:
    ann, bob = as_("ann"), as_("bob")
    reference = json.dumps({"itemID": upload(ann)})
    assert ann.run("Secure/Files/Measure", In_File=reference) == {"Size": 5}
    state = bob.wait(bob.submit("Secure/Files/Measure", In_File=reference))
    assert state["jobStatus"] == "esriJobFailed"
    assert "There is no uploaded item" in json.dumps(state["messages"])
