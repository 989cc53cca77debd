"""Webhooks: a receiver of our own is told of every job that ends, once it takes it, and signed."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Server, start
from gpclient import Client, EsriError
from loopback import Server as Receiver
from loopback import Web, serving
from secured import token_of

SERVICES = """
import time
from gpserver import Service, TaskError, task

@task
def nap(seconds: float = 0.0, fail: bool = False) -> str:
    time.sleep(seconds)
    if fail:
        raise TaskError("no")
    return "done"

naps, others = Service("Naps", folder="Quiet"), Service("Others")
calls = Service("Calls", synchronous=True)
"""
KEY = "a secret of both"


class Hook(Web):
    """Takes what is posted to it; ``/flaky`` refuses twice, ``/never`` always, ``/hang`` says nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, dict(self.headers) | {"body": body.decode()}))
        refused = self.path == "/never" or (self.path == "/flaky" and len(told(self.server, "/flaky")) < 3)
        if self.path == "/hang":
            self.server.released.wait(30)
        moved = {"location": f"{self.server.url}/elsewhere"} if self.path == "/moved" else {}
        self.answer(b"", 302 if moved else 503 if refused else 200, **moved)


def told(receiver: Receiver, path: str) -> list[dict[str, Any]]:
    """The payloads that came to a path, each with its headers."""
    return [json.loads(said["body"]) | {"headers": said} for place, said in receiver.asked if place == path]


def until(found: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with serving(Hook) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("webhooks")
    (folder / "services").mkdir()
    (folder / "services/naps.py").write_text(SERVICES)
    (folder / "gpserver.toml").write_text('fetch_allowed = ["127.0.0.1"]')
    server = start(folder, folder / "services")
    yield server
    if server.process.poll() is None:  # a test kills it
        assert server.stop() == 0, server.log.read_text()


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client


def place(server: Server, below: str = "", service: str = "Quiet/Naps") -> str:
    return f"{server.url}/arcgis/admin/services/{service}.GPServer/webhooks{below}"


@pytest.fixture
def make(server: Server, receiver: Receiver) -> Iterator[Callable[..., dict[str, Any]]]:
    """Make webhooks of the service that are gone after the test."""

    def create(name: str, path: str, **more: object) -> dict[str, Any]:
        made = server.client.post(place(server, "/create"), name=name, hookUrl=receiver.url + path, **more)
        assert isinstance(made, dict)
        return made

    yield create
    if server.process.poll() is None:
        server.client.post(place(server, "/deleteAll"))


def test_every_end_of_a_job_is_told_and_signed(
    client: Client, server: Server, receiver: Receiver, make: Callable[..., dict[str, Any]]
) -> None:
    make("mine", "/ends", signatureKey=KEY)
    jobs = {
        client.submit("Quiet/Naps/Nap"): "esriJobSucceeded",
        client.submit("Quiet/Naps/Nap", fail=True): "esriJobFailed",
        (cancelled := client.submit("Quiet/Naps/Nap", seconds=60)): "esriJobCancelled",
    }
    client.wait(cancelled, lambda state: state["jobStatus"] == "esriJobExecuting")
    client.get(f"{cancelled}/cancel")
    client.wait(client.submit("Others/Nap"))  # nobody's
    until(lambda: len(told(receiver, "/ends")) == 3)
    for said in told(receiver, "/ends"):
        headers = said.pop("headers")
        assert said.keys() == {
            *(
                "serviceType",
                "jobId",
                "statusURL",
                "name",
                "taskName",
                "folderName",
                "serviceName",
                "eventType",
            )
        }
        assert said["eventType"] == jobs[said["statusURL"]]
        assert said["statusURL"].endswith(said["jobId"])
        assert (said["serviceType"], said["name"], said["taskName"]) == ("GPServer", "mine", "Nap")
        assert (said["folderName"], said["serviceName"]) == ("Quiet", "Naps")
        digest = hmac.new(KEY.encode(), headers["body"].encode(), hashlib.sha256).digest()
        assert headers["x-esriHook-Signature"] == f"sha256={base64.b64encode(digest).decode()}"
        assert headers["Content-Type"] == "application/json"


def test_what_a_receiver_refuses_comes_again_and_one_that_hangs_delays_nobody(
    client: Client, server: Server, receiver: Receiver, make: Callable[..., dict[str, Any]]
) -> None:
    for path in ("/hang", "/flaky", "/moved"):
        make(path, path)
    good = make("good", "/good")
    client.wait(client.submit("Quiet/Naps/Nap"))
    until(lambda: told(receiver, "/good"), seconds=8)
    moved = next(each for each in client.get(place(server))["webhooks"] if each["name"] == "/moved")
    status = until(lambda: client.get(f"{moved['url']}/notificationStatus")["retrying"], seconds=8)
    assert [each["reason"] for each in status] == ["The receiver answered with the HTTP status 302."]
    until(lambda: len(told(receiver, "/flaky")) == 3)
    receiver.released.set()
    assert not told(receiver, "/elsewhere")
    status = until(
        lambda: (found := client.get(f"{good['url']}/notificationStatus"))["lastDelivered"] and found
    )
    assert (status["pending"], status["webhookNotificationStatus"], status["retrying"]) == (0, [], [])


def test_webhooks_are_made_changed_switched_and_deleted(
    client: Client, server: Server, receiver: Receiver, make: Callable[..., dict[str, Any]]
) -> None:
    made = make("one", "/one", signatureKey=KEY, active=True)
    assert (made["name"], made["folderName"], made["serviceName"]) == ("one", "Quiet", "Naps")
    assert made["active"]
    assert KEY not in json.dumps(made)
    assert client.get(made["url"]) == made
    assert client.get(place(server))["webhooks"] == [made]
    assert client.get(place(server, service="Others"))["webhooks"] == []
    # A client sends back all that it has read.
    edited = client.post(f"{made['url']}/edit", **made | {"name": "two", "hookUrl": f"{receiver.url}/two"})
    assert edited == made | {"name": "two", "hookUrl": f"{receiver.url}/two"}
    assert client.post(place(server, "/deactivateAll")) == {"status": "success"}
    client.wait(client.submit("Quiet/Naps/Nap"))
    assert not client.get(made["url"])["active"]
    assert client.get(f"{made['url']}/notificationStatus")["pending"] == 0
    assert client.post(place(server, "/activateAll")) == {"status": "success"}
    client.wait(client.submit("Quiet/Naps/Nap"))
    [said] = until(lambda: told(receiver, "/two"))
    assert said["headers"]["x-esriHook-Signature"]  # the key was not the mask that was sent
    assert client.post(f"{made['url']}/delete") == {"status": "success"}
    with pytest.raises(EsriError, match="no webhook"):
        client.get(made["url"])


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"name": "", "hookUrl": "http://127.0.0.1/"}, "'name'"),
        ({"name": "x", "hookUrl": ""}, "'hookUrl'"),
        ({"name": "x", "hookUrl": "ftp://127.0.0.1/"}, "not an http or https URL"),
        ({"name": "x", "hookUrl": "http://10.0.0.1/"}, "not a public one"),
        ({"name": "x", "hookUrl": "http://[::1]/"}, "not a public one"),
        ({"name": "x", "hookUrl": "http://127.0.0.1/", "contentType": "text/xml"}, "'contentType'"),
        ({"name": "x", "hookUrl": "http://127.0.0.1/", "signatureKey": "k" * 501}, "'signatureKey'"),
        ({"name": "taken", "hookUrl": "http://127.0.0.1/"}, "taken already"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(
    client: Client, server: Server, asked: dict[str, str], reason: str, make: Callable[..., dict[str, Any]]
) -> None:
    make("taken", "/taken", active=False)
    with pytest.raises(EsriError) as refused:
        client.post(place(server, "/create"), **asked)
    assert refused.value.code == 400
    assert reason in str(refused.value)
    assert len(client.get(place(server))["webhooks"]) == 1


def test_a_synchronous_service_has_no_webhooks_and_get_changes_nothing(
    client: Client, server: Server
) -> None:
    with pytest.raises(EsriError, match="synchronous"):
        client.post(place(server, "/create", service="Calls"), name="x", hookUrl="http://127.0.0.1/")
    with pytest.raises(EsriError) as refused:
        client.get(place(server, "/create"), name="x", hookUrl="http://127.0.0.1/")
    assert refused.value.code == 405


def test_only_administrators_see_and_make_webhooks(secured: Server) -> None:
    client, where = secured.client, f"{secured.url}/arcgis/admin/services/Public.GPServer/webhooks"
    with pytest.raises(EsriError) as unknown:
        client.get(where)
    with pytest.raises(EsriError) as planner:
        client.post(f"{where}/create", token=token_of(client, "ann"), name="x", hookUrl="http://8.8.8.8/")
    assert (unknown.value.code, planner.value.code) == (499, 403)
    assert client.get(where, token=token_of(client, "root")) == {"webhooks": []}


def test_a_delivery_survives_the_death_of_its_server(
    server: Server, receiver: Receiver, make: Callable[..., dict[str, Any]]
) -> None:
    hook = make("late", "/never")
    job = server.client.submit("Quiet/Naps/Nap")
    until(lambda: told(receiver, "/never"))
    server.client.post(f"{hook['url']}/edit", hookUrl=f"{receiver.url}/late")
    server.kill()
    folder = server.log.parent
    second = start(folder, folder / "services", data=server.data)
    said = until(lambda: told(receiver, "/late"))
    assert [each["jobId"] for each in said] == [job.rpartition("/")[2]]
    assert second.stop() == 0
