"""Real clients sign in: `@arcgis/core` with its dialog, `arcgis` for Python, REST JS, a person on pages."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clients.tls import front
from conftest import Server
from secured import start_secured

HERE = Path(__file__).parent
Said = Callable[[str], Any]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the users and services of secured.py."""
    server = start_secured(tmp_path_factory.mktemp("secured"))
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture(scope="module")
def core(browse: Any, told: Any, secured: Server, tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What came of each scenario of the page where @arcgis/core shows its dialog."""
    pictures = tmp_path_factory.mktemp("pictures")
    return told(browse(f"tests/clients/pages/core_sign_in.html?server={secured.url}", pictures=pictures))


def test_core_shows_its_dialog_and_replays_the_request(core: Said) -> None:
    assert core("signIn") == {
        "heading": "Sign in",
        "notice": "The username or password you entered is incorrect.",
        "open": False,
        "value": "hello",
        "user": "ann",
    }


def test_core_sends_the_token_with_all_that_follows(core: Said) -> None:
    assert core("nextRequest") == [[7, 8]]
    assert core("map") == ["Place"]


@pytest.fixture(scope="module")
def rest_js(node: str, packages: Path, converse: Any, told: Any, secured: Server) -> Said:
    """What came of each scenario of sign_in.mjs, which runs them all at once."""
    return told(converse(node, HERE / "sign_in.mjs", f"{secured.rest}/services"))


@pytest.mark.parametrize("scenario", ["manager", "hiddenToken"])
def test_rest_js_runs_a_job_with_its_identity_manager(rest_js: Said, scenario: str) -> None:
    assert rest_js(scenario) == "hello"


def test_rest_js_asks_for_two_weeks_and_gets_a_day(rest_js: Said) -> None:
    assert rest_js("longest") == {"tasks": 4, "hours": pytest.approx(24, abs=0.1)}


@pytest.mark.parametrize(
    ("scenario", "error", "reason"),
    [
        ("jobOfAnother", "ArcGISRequestError", "400: Unable to complete operation."),
        ("wrongPassword", "ArcGISTokenRequestError", "400: Unable to generate token."),
        ("noPassword", "ArcGISAuthError", "499: Token Required"),
    ],
)
def test_rest_js_learns_what_is_refused(rest_js: Said, scenario: str, error: str, reason: str) -> None:
    outcome = rest_js(scenario)
    assert outcome["name"] == error
    assert reason in outcome["message"]


@pytest.fixture(scope="module")
def python(
    arcgis_python: str, converse: Any, told: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Said]:
    """What came of each scenario of sign_in.py; the package signs in by https alone."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl for a certificate")
    folder = tmp_path_factory.mktemp("https")
    with front(folder) as proxy:
        site = f"https://127.0.0.1:{proxy.port}"
        server = start_secured(folder, public_url=site)
        proxy.target = int(server.url.rpartition(":")[2])
        yield told(converse(arcgis_python, HERE / "sign_in.py", f"{site}/arcgis"))
        assert server.stop() == 0, server.log.read_text()


def test_python_lists_what_its_user_may_use(python: Said) -> None:
    assert python("listed") == {"ann": ["Secure"], "eve": []}


def test_python_runs_a_task_and_queries_its_map(python: Said) -> None:
    assert python("signed_in") == [7, 8]


def test_python_learns_that_the_password_is_wrong(python: Said) -> None:
    assert "Invalid username or password specified." in python("wrong_password")


def test_python_looks_after_webhooks(python: Said) -> None:
    assert python("webhooks") == ["mine", "other", True, False, True, True, 0, True]


@pytest.mark.parametrize("scripts", ["on", "off"])
def test_a_person_signs_in_runs_a_task_and_signs_out(
    node: str, packages: Path, chromium: str, converse: Any, secured: Server, tmp_path: Path, scripts: str
) -> None:
    task = f"{secured.rest}/services/Secure/Secret/GPServer/EchoSecret"
    seen = converse(node, HERE / "sign_in_pages.mjs", chromium, task, tmp_path, scripts)
    assert seen["form"] == ["/arcgis/rest/login", "Sign In"]
    assert seen["violations"] == []
    assert seen["wrong"] == "Invalid username or password specified."
    assert seen["back"] == f"{task}/submitJob"
    assert "/EchoSecret/jobs/j" in seen["job"]
    assert '"hello"' in seen["result"]
    assert "Logged in as ann" in seen["user"]
    assert (seen["out"], seen["after"]) == ("/arcgis/rest/services", "/arcgis/rest/login")
    assert not [text for text in seen["errors"] if "Content Security Policy" in text]
