"""What the server says of itself is what it does."""

from pathlib import Path

import pytest
from conftest import ROOT, Server, StartServer
from gpclient import Client, EsriError

from gpserver.protocols.esri.version import full_version


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (10.3, "10.3.0"),
        (10.81, "10.8.1"),
        (10.91, "10.9.1"),
        (11.1, "11.1.0"),
        (11.0, "11.0.0"),
        (12, "12.0.0"),
    ],
)
def test_a_version_in_words(number: float, words: str) -> None:
    assert full_version(number) == words


def test_the_version_is_a_setting(
    tmp_path: Path, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPSERVER_CURRENT_VERSION", "10.91")
    client = start_server(ROOT / "services").client
    info = client.get(f"{client.url}/arcgis/rest/info")
    assert (info["currentVersion"], info["fullVersion"]) == (10.91, "10.9.1")
    for place in ("", "Tools/GPServer", "Buffer/MapServer"):
        assert client.get(place)["currentVersion"] == 10.91


def test_every_operation_and_page_that_is_named_is_there(server: Server, client: Client) -> None:
    for service in client.get("")["services"]:
        if service["type"] != "GPServer":
            continue
        place = f"{service['name']}/GPServer"
        described = client.get(place)
        for name in described["tasks"]:
            task = client.get(f"{place}/{name}")
            assert task["executionType"] == described["executionType"]
            assert client.http.get(task["helpUrl"]).status_code == 200
            assert "html" in client.http.get(task["helpUrl"]).headers["content-type"]
            if "Validate" in described["capabilities"].split(","):
                assert "validationResults" in client.get(f"{place}/{name}/validate")
        if described["resultMapServerName"]:
            assert client.get(f"{described['resultMapServerName']}/MapServer")["layers"]


@pytest.mark.parametrize("name", ["jsapi", "lyr", "nmf", "pitemx", "help", "exe", "../json", "json\x00"])
def test_a_format_that_is_not_there_is_an_error_in_json(client: Client, name: str) -> None:
    for place in ("", "Tools/GPServer", "Tools/GPServer/FileTask", "Buffer/MapServer"):
        with pytest.raises(EsriError, match="format not supported") as error:
            client.get(place, f=name)
        assert error.value.code == 400
