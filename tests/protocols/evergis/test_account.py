"""Who calls: login, tokens in header, query and cookie, and what users see of each other."""

from collections.abc import Iterator

import httpx
import pytest
from conftest import Server
from everpoint import PROBLEM, Everpoint, point
from secured import start_secured

LOGIN = {"token", "refreshToken", "username", "redirectUrl"}
USER = {
    *("username", "first_name", "last_name", "patronymic", "email", "phone", "namespace", "roles"),
    *("has_profile_photo", "is_open_last_project", "is_subscribed", "is_active"),
}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_secured(tmp_path_factory.mktemp("secured"))
    yield server
    server.stop()


@pytest.fixture
def ann(secured: Server) -> Iterator[Everpoint]:
    with signed_in(secured, "ann") as caller:
        yield caller


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    """Keeps cookies."""
    with httpx.Client(trust_env=False) as http:
        yield http


def signed_in(server: Server, name: str) -> Everpoint:
    login = {"username": name, "password": name[::-1]}
    answer = httpx.post(f"{server.url}/sp/account/login/", json=login)
    return Everpoint(server.url, name, answer.json()["token"])


def test_without_users_any_name_has_a_token(server: Server, browser: httpx.Client) -> None:
    value = browser.post(f"{server.url}/account/login/", json={"username": "zoe", "password": "x"}).json()
    assert set(value) == LOGIN
    assert value["username"] == "zoe"
    user = browser.get(f"{server.url}/sp/account").json()  # by the cookie
    assert set(user) == USER
    assert (user["username"], user["namespace"]) == ("zoe", "zoe")
    assert httpx.get(f"{server.url}/sp/account", params={"_sk": value["token"]}).json()["username"] == "zoe"


def test_without_users_a_token_that_is_none_is_nobody(server: Server) -> None:
    answer = httpx.get(f"{server.url}/sp/account", params={"_sk": "x"})
    assert answer.json()["username"] == "public"


def test_server_says_what_it_is(server: Server) -> None:
    for place in ("/sp", "/sp/"):
        value = httpx.get(server.url + place).json()
        assert set(value) == {"serverName", "application", "version", "routingProviders", "startedAt"}


def test_with_users_every_call_needs_one(secured: Server) -> None:
    for method, place in (
        ("GET", "/sp/account"),
        ("POST", "/sp/layers"),
        ("POST", "/layers/ann.x/features"),
        ("GET", "/sp/nothing/here"),
    ):
        answer = httpx.request(method, secured.url + place, json=[])
        assert (answer.status_code, set(answer.json())) == (401, PROBLEM), place


def test_wrong_password_and_foreign_token_are_refused(secured: Server) -> None:
    wrong = httpx.post(f"{secured.url}/sp/account/login", json={"username": "ann", "password": "ann"})
    assert (wrong.status_code, wrong.json()["errorType"]) == (401, "Unauthorized")
    forged = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4ifQ."
    headers = {"authorization": f"Bearer {forged}"}
    assert httpx.get(f"{secured.url}/sp/account", headers=headers).status_code == 401


def test_user_signs_in_refreshes_and_revokes(ann: Everpoint) -> None:
    assert ann.get("/account")["username"] == "ann"
    assert ann.get("/account/ann") == ann.get("/account")
    ann.problem("GET", "/account/bob", 404)
    token = ann.http.headers["authorization"].removeprefix("Bearer ")
    assert ann.post("/account/refresh-token", {"refreshToken": token})["username"] == "ann"
    answer = ann.http.delete("/account/revoke-token")
    assert all('jwt=""' in c or 'refreshToken=""' in c for c in answer.headers.get_list("set-cookie"))


def test_cookie_counts_only_for_own_pages(secured: Server, browser: httpx.Client) -> None:
    account = f"{secured.url}/sp/account"
    browser.post(f"{account}/login", json={"username": "ann", "password": "nna"})
    assert browser.get(account).json()["username"] == "ann"
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert browser.get(account, headers=headers).status_code == 401
    assert browser.get(account, headers={"origin": secured.url}).status_code == 200


def test_user_writes_in_his_own_namespace_alone(ann: Everpoint, secured: Server) -> None:
    layer = ann.layer("private", ("name", "String"))
    ann.add(layer, point(1, 2, name="a"))
    with signed_in(secured, "bob") as bob:
        assert bob.problem("GET", f"/layers/{layer}", 404)
        assert bob.problem("POST", f"/layers/{layer}/features", 404, json=[point(1, 2)])
        assert "namespace" in bob.problem(
            "POST", "/layers", 403, json={"name": "ann.other", "createTable": True}
        )
        assert bob.post("/resources", {})["totalCount"] == 0
        place = f"/resources/{ann.get(f'/layers/{layer}')['resourceId']}/permissions"
        roles = [{"role": "__ann", "permissions": "read,write,configure"}]
        public = [{"role": "__public", "permissions": "read"}]
        assert ann.http.put(place, json={"data": roles + public}).status_code == 200
        assert ann.get(place) == {"data": roles + public}
        assert bob.get(f"/layers/{layer}/features/count") == 1
        assert bob.problem("POST", f"/layers/{layer}/features", 403, json=[point(1, 2)])
    with signed_in(secured, "root") as root:
        assert root.get(f"/layers/{layer}/features/count") == 1
