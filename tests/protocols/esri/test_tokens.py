"""Tokens over HTTP: how they are had, how they are sent, and what they open."""

import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from conftest import Server, StartServer
from gpclient import Client, EsriError
from secured import token_of, toml
from starlette.routing import Route

from gpserver.protocols.esri.routes import routes

SECRET = "Secure/Secret/GPServer"
SignedIn = Callable[[str], Client]


def error_of(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> EsriError:
    with pytest.raises(EsriError) as caught:
        call(*args, **kwargs)
    return caught.value


def generate(client: Client, /, **form: object) -> Any:
    return client.post(f"{client.url}/arcgis/tokens/generateToken", **form)


# ---- how a token is had


def test_the_server_announces_where_tokens_are_had(nobody: Client) -> None:
    for place in ("info", "info?token=nonsense"):
        info = nobody.post(f"{nobody.url}/arcgis/rest/{place}")
        assert info["authInfo"] == {
            "isTokenBasedSecurity": True,
            "tokenServicesUrl": f"{nobody.url}/arcgis/tokens/",
            "shortLivedTokenValidity": 60,
        }
        assert "owningSystemUrl" not in info


@pytest.mark.parametrize(
    "place", ["arcgis/tokens/", "arcgis/tokens", "arcgis/tokens/generateToken", "tokens/generateToken"]
)
def test_a_token_is_had_at_every_address_of_the_service(nobody: Client, place: str) -> None:
    before = time.time()
    answer = nobody.post(f"{nobody.url}/{place}", request="getToken", username="ann", password="nna")
    assert answer.keys() == {"token", "expires"}
    assert answer["expires"] / 1000 - before == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(
    ("asked", "minutes"), [({"expiration": 20160}, 1440), ({"expiration": 5}, 5), ({"expiration": -1}, 1)]
)
def test_its_time_is_clamped(nobody: Client, asked: dict[str, int], minutes: int) -> None:
    before = time.time()
    expires = generate(nobody, username="ann", password="nna", **asked)["expires"] / 1000
    assert expires - before == pytest.approx(60 * minutes, abs=30)


@pytest.mark.parametrize(
    ("form", "code", "reason"),
    [
        ({"username": "ann", "password": "wrong"}, 400, "Invalid username or password specified."),
        ({"username": "nobody", "password": "nna"}, 400, "Invalid username or password specified."),
        ({"username": "ann"}, 400, "'password' must be specified."),
        ({"password": "nna"}, 400, "'username' must be specified."),
        ({"username": "ann", "password": "nna", "client": "referer"}, 400, "'referer' must be specified."),
        ({"username": "ann", "password": "nna", "client": "ip", "ip": "here"}, 400, "'ip' is not an address"),
        ({"username": "ann", "password": "nna", "client": "moon"}, 400, "referer, ip or requestip"),
        ({"username": "ann", "password": "nna", "expiration": "long"}, 400, "'expiration' is not a number"),
    ],
)
def test_what_is_refused_says_why(nobody: Client, form: dict[str, str], code: int, reason: str) -> None:
    error = error_of(generate, nobody, **form)
    assert error.code == code
    assert reason in error.details[0]


def test_a_get_is_refused_and_so_is_a_password_in_the_url(nobody: Client) -> None:
    place, form = f"{nobody.url}/arcgis/tokens/generateToken", {"username": "ann", "password": "nna"}
    assert error_of(nobody.get, place, **form).code == 405
    answer = nobody.http.post(place, params={"f": "json", **form}).json()
    assert "in the body" in answer["error"]["details"][0]


def test_a_token_is_had_for_itself_and_no_longer(nobody: Client) -> None:
    """REST JS asks so for the token of a server."""
    first = generate(nobody, username="ann", password="nna", expiration=5)
    assert generate(nobody, token=first["token"], serverUrl=nobody.url, expiration=20160) == first
    assert error_of(generate, nobody, token="nonsense", serverUrl=nobody.url).code == 498


def test_guesses_are_slowed_down_for_that_user(secured: Server) -> None:
    client = secured.client
    reasons = [error_of(generate, client, username="guessed", password=f"{n}").details[0] for n in range(12)]
    assert "wrong passwords" in reasons[-1]
    assert "wrong passwords" not in reasons[5]
    assert token_of(client, "ann")


# ---- how it is sent


FORMS: dict[str, Callable[[str], dict[str, Any]]] = {
    "query": lambda token: {"params": {"token": token}},
    "query of another case": lambda token: {"params": {"TOKEN": token}},
    "quoted": lambda token: {"params": {"token": f'"{token}"'}},
    "body": lambda token: {"data": {"token": token}},
    "multipart body": lambda token: {"files": {"token": (None, token)}},
    "header": lambda token: {"headers": {"X-Esri-Authorization": f"Bearer {token}"}},
    "usual header": lambda token: {"headers": {"Authorization": f"bearer {token}"}},
    "cookie": lambda token: {"headers": {"Cookie": f"other=1; agstoken={token}"}},
}


def ask(client: Client, place: str = SECRET, **how: Any) -> Any:
    params = {"f": "json", **how.pop("params", {})}
    method = "POST" if how.keys() & {"data", "files"} else "GET"
    return client.http.request(method, client.place(place), params=params, **how).json()


@pytest.mark.parametrize("form", FORMS)
def test_a_token_opens_the_service_in_every_form(nobody: Client, form: str) -> None:
    assert "EchoSecret" in ask(nobody, **FORMS[form](token_of(nobody, "ann")))["tasks"]


@pytest.mark.parametrize("form", FORMS)
def test_a_bad_token_is_498_and_a_bad_cookie_is_none(nobody: Client, form: str) -> None:
    answer = ask(nobody, **FORMS[form]("eyJhbGciOiJub25lIn0.e30."))
    assert (answer["error"]["code"], answer["error"]["message"]) in (
        [(499, "Token Required")] if form == "cookie" else [(498, "Invalid Token")]
    )
    open_to_all = ask(nobody, "Public/GPServer", **FORMS[form]("nonsense"))
    assert ("error" in open_to_all) == (form != "cookie")


def test_no_token_is_499(nobody: Client) -> None:
    for place in (SECRET, f"{SECRET}/EchoSecret", f"{SECRET}/EchoSecret/jobs/j{'0' * 32}", "Secure"):
        error = error_of(nobody.get, place)
        assert (error.code, error.message) == (499, "Token Required")


def test_a_user_without_the_role_is_told_so(signed_in: SignedIn) -> None:
    error = error_of(signed_in("eve").get, SECRET)
    assert error.code == 403
    assert error.message == "User does not have permissions to access 'Secure/Secret'."


@pytest.mark.parametrize(
    ("bound", "header", "opens"),
    [
        ("https://app.example/map/", "https://app.example/", True),
        ("https://app.example", "https://app.example/deep/page?x=1", True),
        ("app.example", "https://app.example/", True),
        ("http", "http", True),
        ("@esri/arcgis-rest-js", "@esri/arcgis-rest-js", True),
        ("https://app.example", "https://app.example.evil/", False),
        ("https://app.example", "", False),
    ],
)
def test_a_token_is_bound_to_a_referer(nobody: Client, bound: str, header: str, opens: bool) -> None:
    token = token_of(nobody, "ann", client="referer", referer=bound)
    answer = ask(nobody, params={"token": token}, headers={"Referer": header} if header else {})
    assert ("tasks" in answer) == opens
    assert opens or answer["error"]["code"] == 498


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        ({"client": "requestip"}, True),
        ({"client": "ip", "ip": "127.0.0.1"}, True),
        ({"client": "ip", "ip": "10.1.2.3"}, False),
    ],
)
def test_a_token_is_bound_to_an_address(nobody: Client, asked: dict[str, str], opens: bool) -> None:
    answer = ask(nobody, params={"token": token_of(nobody, "ann", **asked)})
    assert ("tasks" in answer) == opens


# ---- what it opens


def test_listings_show_what_the_caller_may_use(nobody: Client, signed_in: SignedIn) -> None:
    assert nobody.get("")["folders"] == signed_in("eve").get("")["folders"] == []
    assert signed_in("ann").get("")["folders"] == ["Secure"]
    assert {item["name"] for item in signed_in("root").get("Secure")["services"]} == {
        "Secure/Secret",
        "Secure/SecretSync",
    }
    assert error_of(signed_in("eve").get, "Secure").code == 403
    assert [item["name"] for item in nobody.get("")["services"]] == ["Public"]


@pytest.mark.parametrize("operation", ["submitJob", "execute", "validate"])
def test_a_task_is_closed_at_every_address(nobody: Client, operation: str) -> None:
    service = "SecretSync" if operation == "execute" else "Secret"
    for place in (
        f"{nobody.services}/Secure/{service}/GPServer/EchoSecret/{operation}",
        f"{nobody.services}/secure/{service.lower()}/GPServer/Echo Secret/{operation}",
        f"{nobody.url}/Secure/{service}/EchoSecret/{operation}",
        f"{nobody.url}/EchoSecret/{operation}",
    ):
        assert error_of(nobody.post, place, Text="x").code == 499


def test_a_job_is_its_owners_alone(nobody: Client, signed_in: SignedIn) -> None:
    ann, bob, eve, root = (signed_in(name) for name in ("ann", "bob", "eve", "root"))
    job = ann.submit("Secure/Secret/Mark", X="1")
    assert ann.wait(job)["jobStatus"] == root.get(job)["jobStatus"] == "esriJobSucceeded"
    job_id = job.rpartition("/")[2]
    unknown = job_id[:-4] + ("0000" if job_id[-4:] != "0000" else "1111")
    map_ = f"Secure/Secret/MapServer/jobs/{job_id}"
    places = [
        *(f"{job}{end}" for end in ("", "/results", "/results/Place", "/inputs", "/inputs/X", "/cancel")),
        f"{nobody.url}/jobs/{job_id}",
        f"{nobody.url}/Mark/jobs/{job_id}/results/Place",
        *(f"{map_}{end}" for end in ("", "/layers", "/legend", "/0", "/0/query", "/identify", "/export")),
        f"{map_}/tile/0/0/0",
    ]
    for place in places:
        if "/jobs/" in place and place.startswith((job, map_)):
            assert error_of(nobody.get, place).code == 499, place
            assert error_of(eve.get, place).code == 403, place
        forbidden, absent = error_of(bob.get, place), error_of(bob.get, place.replace(job_id, unknown))
        assert forbidden.code == absent.code == 400, place
        assert forbidden.details == [line.replace(unknown[1:], job_id[1:]) for line in absent.details]
    assert error_of(bob.post, f"{SECRET}/Mark/cancel", jobId=job_id).details == [
        f"Job {job_id[1:]} not found."
    ]


def test_the_map_of_a_job_is_drawn_with_a_token_in_the_query(nobody: Client, signed_in: SignedIn) -> None:
    job = signed_in("ann").submit("Secure/Secret/Mark")
    signed_in("ann").wait(job)
    place = nobody.place(f"Secure/Secret/MapServer/jobs/{job.rpartition('/')[2]}/export")
    asked = {"bbox": "-1,-1,1,1", "f": "image"}
    picture = nobody.http.get(place, params={**asked, "token": token_of(nobody, "ann")})
    assert picture.headers["content-type"] == "image/png"
    assert "private" in picture.headers["cache-control"]
    assert nobody.http.get(place, params=asked).json()["error"]["code"] == 499


def test_a_file_is_fetched_by_its_owner_alone(nobody: Client, signed_in: SignedIn) -> None:
    place = signed_in("ann").run("Secure/Secret/Write", Text="mine")["File"]["url"]
    assert signed_in("ann").http.get(place).text == "mine"
    assert nobody.http.get(place, params={"token": token_of(nobody, "ann")}).text == "mine"
    assert error_of(nobody.get, place).code == 499
    assert error_of(signed_in("bob").get, place).code == 400


def test_a_stranger_cannot_cancel(signed_in: SignedIn) -> None:
    job = signed_in("ann").submit("Secure/Secret/Nap")
    assert error_of(signed_in("bob").post, f"{job}/cancel").code == 400
    assert signed_in("ann").get(job)["jobStatus"] in ("esriJobSubmitted", "esriJobExecuting")
    signed_in("root").post(f"{job}/cancel")
    assert signed_in("ann").wait(job)["jobStatus"] == "esriJobCancelled"


def test_a_job_that_nobody_owns_is_seen_by_whoever_knows_its_id(nobody: Client, signed_in: SignedIn) -> None:
    job = nobody.submit("Public/Echo", Text="hello")
    assert nobody.wait(job)["jobStatus"] == signed_in("eve").get(job)["jobStatus"] == "esriJobSucceeded"
    owned = signed_in("eve").submit("Public/Echo")
    assert error_of(nobody.get, owned).details == error_of(signed_in("ann").get, owned).details
    assert signed_in("eve").wait(owned)


# ---- settings, nodes, and what is not to be seen


def test_two_servers_with_one_key_share_their_tokens(tmp_path: Any, start_server: StartServer) -> None:
    (tmp_path / "gpserver.toml").write_text(toml(token_key="k" * 32))
    (tmp_path / "services").mkdir()
    one, other = (start_server(tmp_path / "services", data=tmp_path / name) for name in "ab")
    answer = ask(other.client, "", params={"token": token_of(one.client, "ann")})
    assert "error" not in answer
    assert not (tmp_path / "a/token.key").exists()


def test_the_log_names_no_token_and_a_rule_that_protects_nothing(secured: Server) -> None:
    token = token_of(secured.client, "ann")
    ask(secured.client, params={"token": token})
    ask(secured.client, params={"token": token[:-2]})
    log = secured.log.read_text()
    assert token[:-2] not in log
    assert "eyJ" not in log
    assert "has a rule for secrue" in log
    key = secured.data / "token.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch("[0-9a-f]{64}", key.read_text())


def test_other_origins_send_no_credentials_unless_they_are_trusted(secured: Server) -> None:
    def headers(origin: str) -> httpx.Headers:
        return httpx.get(f"{secured.rest}/services?f=json", headers={"Origin": origin}).headers

    anybody, trusted = headers("https://any.example"), headers("https://trusted.example")
    assert anybody["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in anybody
    assert trusted["access-control-allow-origin"] == "https://trusted.example"
    assert trusted["access-control-allow-credentials"] == "true"
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-esri-authorization",
    }
    preflight = httpx.options(
        f"{secured.rest}/services", headers={"Origin": "https://any.example", **asked}, trust_env=False
    )
    assert preflight.status_code == 200
    assert "x-esri-authorization" in preflight.headers["access-control-allow-headers"].lower()


def test_without_users_there_are_no_tokens(client: Client) -> None:
    info = client.get(f"{client.url}/arcgis/rest/info")
    assert info["authInfo"] == {"isTokenBasedSecurity": False}
    assert "error" not in client.get("", token="nonsense")
    assert error_of(client.post, f"{client.url}/arcgis/tokens/generateToken").code == 400


# ---- every route of the table, so that a new one is looked at by itself

OPEN = re.compile(
    r"/|/arcgis/rest|/arcgis/rest/(info|info/healthcheck|login|logout|services)|(/arcgis)?/tokens(/generateToken)?"
    r"|/arcgis/rest/static/.*|/arcgis/rest/directories/arcgisoutput/.*"
)
SITE: Any = SimpleNamespace(guard=True, engine=SimpleNamespace(uploads=SimpleNamespace(most_bytes=0)))
CLOSED = sorted(
    {route.path for route in routes(SITE) if isinstance(route, Route) and not OPEN.fullmatch(route.path)}
)


def filled(path: str, job_id: str) -> str:
    parts = {
        "service:path": "Secure/Secret",
        "service": "EchoSecret",  # the only one of its name
        "task": "Mark",
        "folder": "Secure",
        "place:path": "secure/secret_gpserver",
        "job_id": job_id,
        "name": "Place",
        "file:path": "note.txt",
        "item": "i12345678-1234-1234-1234-123456789012",
    }
    return re.sub(r"{([^}]+)}", lambda match: parts.get(match[1], "0"), path)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_route_opens_without_a_token(nobody: Client, signed_in: SignedIn, method: str) -> None:
    job = signed_in("ann").submit("Secure/Secret/Mark")
    signed_in("ann").wait(job)
    job_id = job.rpartition("/")[2]
    assert len(CLOSED) > 60
    for path in CLOSED:
        place = f"{nobody.url}{filled(path, job_id)}"
        asked = {"f": "json", "jobId": job_id}
        answer = nobody.http.request(method, place, params=asked).json()
        # Without the name of a service there is only a job to be found, and that is not there for strangers.
        of_job = "{job_id}" in path or path.endswith("/cancel")
        expected = 400 if of_job and "{service" not in path and "{place" not in path else 499
        assert answer["error"]["code"] == expected, (place, answer)
        of_eve = signed_in("eve").http.request(method, place, params=asked).json()
        assert of_eve["error"]["code"] == {400: 400, 499: 403}[expected], (place, of_eve)
