"""Signing in on a page: the form, the cookie, where it leads, and who may not use it."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from conftest import Server
from secured import token_of

LOGIN, LOGOUT = "/arcgis/rest/login", "/arcgis/rest/logout"
SECRET = "/arcgis/rest/services/Secure/Secret/GPServer"
STRANGERS = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
]


@pytest.fixture
def visitor(secured: Server) -> Iterator[httpx.Client]:
    """A browser, as far as cookies go."""
    with httpx.Client(base_url=secured.url, trust_env=False, timeout=60) as client:
        yield client


def sign_in(visitor: httpx.Client, name: str = "ann", **form: str) -> httpx.Response:
    return visitor.post(LOGIN, data={"username": name, "password": name[::-1], **form})


def test_a_page_that_needs_a_token_leads_to_the_form_and_back(visitor: httpx.Client) -> None:
    place = f"{SECRET}/EchoSecret/submitJob?Text=a%26b+c"
    answer = visitor.get(place)
    assert answer.status_code == 302
    form = visitor.get(answer.headers["location"])
    assert urlsplit(answer.headers["location"]).path == LOGIN
    assert form.status_code == 200
    back = hidden(form.text)["redirect"]
    assert back == place
    signed_in = sign_in(visitor, redirect=back)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, back)
    job = visitor.get(back)
    assert (job.status_code, urlsplit(job.headers["location"]).path.split("/")[-2]) == (302, "jobs")
    assert visitor.get(job.headers["location"]).status_code == 200


def test_the_cookie_is_for_this_site_and_no_script(visitor: httpx.Client) -> None:
    cookie = sign_in(visitor).headers["set-cookie"].lower()
    assert cookie.startswith("agstoken=ey")
    assert {"httponly", "samesite=strict", "path=/", "max-age=86400"} <= set(cookie.split("; "))
    assert "secure" not in cookie
    proxied = visitor.post(
        LOGIN, data={"username": "ann", "password": "nna"}, headers={"X-Forwarded-Proto": "https"}
    )
    assert "; secure" in proxied.headers["set-cookie"].lower()


def test_pages_say_who_is_signed_in_and_let_him_out(visitor: httpx.Client) -> None:
    assert "Login</a>" in visitor.get("/arcgis/rest/services").text
    sign_in(visitor)
    page = visitor.get(SECRET)
    assert "Logged in as <b>ann</b>" in page.text
    assert "private" in page.headers["cache-control"]
    assert visitor.get(LOGOUT).status_code == 405
    answer = visitor.post(LOGOUT)
    assert (answer.status_code, urlsplit(answer.headers["location"]).path) == (303, "/arcgis/rest/services")
    assert visitor.get(SECRET).status_code == 302


def test_a_user_without_the_role_sees_why(visitor: httpx.Client) -> None:
    sign_in(visitor, "eve")
    page = visitor.get(SECRET)
    assert page.status_code == 403
    assert "User does not have permissions to access" in page.text
    assert "Logged in as <b>eve</b>" in page.text
    assert "Login</a>" not in visitor.get("/arcgis/rest/info").text


def test_a_wrong_password_shows_the_form_again(visitor: httpx.Client) -> None:
    page = sign_in(visitor, password="wrong", redirect=SECRET)
    assert page.status_code == 403
    assert "Invalid username or password specified." in page.text
    assert hidden(page.text)["redirect"] == SECRET
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "///evil.example",
        "/%0d%0aSet-Cookie:x=y/../..//evil.example" + "\r\nX: y",
        "",
    ],
)
def test_the_way_back_leads_nowhere_else(visitor: httpx.Client, place: str) -> None:
    assert sign_in(visitor, redirect=place).headers["location"] == "/arcgis/rest/services"
    assert hidden(visitor.get(LOGIN, params={"redirect": place}).text)["redirect"] == "/arcgis/rest/services"


@pytest.mark.parametrize("headers", STRANGERS)
def test_a_page_of_another_site_does_nothing_in_his_name(
    visitor: httpx.Client, headers: dict[str, str]
) -> None:
    sign_in(visitor)
    asked: dict[str, Any] = {"data": {"Text": "x", "f": "json"}, "headers": headers}
    for method in (
        visitor.post,
        lambda place, data, headers: visitor.get(place, params=data, headers=headers),
    ):
        answer = method(f"{SECRET}/EchoSecret/submitJob", **asked).json()
        assert answer["error"]["code"] == 499
    form = {"username": "ann", "password": "nna"}
    assert visitor.post(LOGIN, data=form, headers=headers).status_code == 400
    assert visitor.post(LOGOUT, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://trusted.example"},
        {},
    ],
)
def test_our_own_pages_and_trusted_ones_do(visitor: httpx.Client, headers: dict[str, str]) -> None:
    sign_in(visitor)
    answer = visitor.post(f"{SECRET}/EchoSecret/submitJob", data={"f": "json"}, headers=headers).json()
    assert answer["jobStatus"] == "esriJobSubmitted"


def test_a_token_of_his_own_needs_no_cookie(visitor: httpx.Client, secured: Server) -> None:
    """A page of any site may use a token that it was given: it knows what it asks for."""
    token = token_of(secured.client, "ann")
    answer = visitor.post(
        f"{SECRET}/EchoSecret/submitJob", data={"f": "json", "token": token}, headers=STRANGERS[0]
    )
    assert answer.json()["jobStatus"] == "esriJobSubmitted"


def test_the_form_names_its_page_in_the_query(visitor: httpx.Client) -> None:
    page = visitor.get(SECRET.replace("Secret", "SecretSync") + "?x=1&y=%C3%A9")
    query = parse_qs(urlsplit(page.headers["location"]).query)
    assert query["redirect"] == [SECRET.replace("Secret", "SecretSync") + "?x=1&y=%C3%A9"]


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    fields: dict[str, str] = {}

    class Fields(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found = dict(attrs)
            if tag == "input" and found.get("type") == "hidden":
                fields[found["name"] or ""] = found["value"] or ""

    Fields().feed(page)
    return fields
