"""The services directory: what clients read before they submit anything."""

from typing import Any

import httpx
import pytest
from conftest import Server
from gpclient import Client, EsriError

SHIPPED = {"Buffer", "BufferPlain", "BufferSync", "Tools"}


def test_info_says_the_version_and_that_no_token_is_needed(client: Client, server: Server) -> None:
    info = client.get(f"{server.rest}/info")
    assert info["currentVersion"] == 11.1
    assert info["authInfo"] == {"isTokenBasedSecurity": False}
    assert "owningSystemUrl" not in info
    assert client.get(f"{server.rest}/info/healthcheck") == {"success": True}


def test_the_root_lists_the_services_that_ship(client: Client) -> None:
    root = client.get("")
    assert root["folders"] == ["EverGIS"]
    assert {item["name"] for item in root["services"]} >= SHIPPED
    assert {item["type"] for item in root["services"]} == {"GPServer", "MapServer"}


@pytest.mark.parametrize(
    ("name", "execution"),
    [("Buffer", "Asynchronous"), ("BufferSync", "Synchronous"), ("Tools", "Asynchronous")],
)
def test_a_service_has_what_clients_read(client: Client, name: str, execution: str) -> None:
    service = client.get(f"{name}/GPServer")
    assert service["executionType"] == f"esriExecutionType{execution}"
    assert service["resultMapServerName"] == ("Buffer" if name == "Buffer" else "")
    assert "Validate" in service["capabilities"].split(",")
    assert isinstance(service["maximumRecords"], int)
    for task in service["tasks"]:
        assert client.get(f"{name}/GPServer/{task}")["executionType"] == service["executionType"]


def test_a_task_describes_its_parameters(client: Client) -> None:
    task = client.get("Buffer/GPServer/BufferPoints")
    assert (task["name"], task["displayName"], task["category"]) == ("BufferPoints", "Buffer Points", "")
    assert task["helpUrl"].startswith("http")
    features, distance, output = task["parameters"]
    for parameter in task["parameters"]:
        assert {"description", "defaultValue", "category", "displayName"} <= parameter.keys()
        assert isinstance(parameter["description"], str)
    assert (features["name"], features["dataType"]) == ("Input_Features", "GPFeatureRecordSetLayer")
    assert features["parameterType"] == "esriGPParameterTypeRequired"
    assert features["defaultValue"]["geometryType"] == "esriGeometryPoint"
    assert distance["defaultValue"] == {"distance": 100, "units": "esriMeters"}
    assert distance["parameterType"] == "esriGPParameterTypeOptional"
    assert output["name"] == "Output_Polygons"
    assert output["direction"] == "esriGPParameterDirectionOutput"
    assert output["parameterType"] == "esriGPParameterTypeDerived"
    assert output["defaultValue"]["geometryType"] == "esriGeometryPolygon"


def test_choices_are_listed(client: Client) -> None:
    parameters = client.get("Tools/GPServer/EchoTypes")["parameters"]
    types = {item["name"]: item["dataType"] for item in parameters}
    assert (types["In_Long"], types["In_List"]) == ("GPLong", "GPMultiValue:GPString")
    inputs = {name.removeprefix("In_") for name in types if name.startswith("In_")}
    assert {name.removeprefix("Out_") for name in types if name.startswith("Out_")} == inputs | {"Size"}
    assert parameters[0]["choiceList"] == ["red", "green", "blue"]
    assert all(item["parameterType"] != "esriGPParameterTypeRequired" for item in parameters)


def test_get_and_post_slash_or_not_and_any_case_of_the_context_are_alike(
    client: Client, server: Server
) -> None:
    plain = client.get("Buffer/GPServer")
    assert client.post("Buffer/GPServer", unknown="1") == plain
    for place in ("ArcGIS/rest/services/Buffer/GPServer", "arcgis/rest/services/Buffer/GPServer/"):
        for method in ("GET", "POST"):
            answer = client.http.request(method, f"{server.url}/{place}", params={"F": "JSON"})
            assert answer.json() == plain


def test_quoted_format_names_are_forgiven(client: Client) -> None:
    assert client.http.get(client.place("Buffer/GPServer"), params={"f": '"json"'}).json()["tasks"]


@pytest.mark.parametrize(
    ("place", "same"),
    [
        ("/Buffer", "Buffer/GPServer"),
        ("/Buffer/BufferPoints", "Buffer/GPServer/BufferPoints"),
        ("/Tools/EchoTypes", "Tools/GPServer/EchoTypes"),
        ("/EchoTypes", "Tools/GPServer/EchoTypes"),
        ("/BufferPoints", "Buffer/GPServer/BufferPoints"),
    ],
)
def test_short_urls_lead_to_the_same(client: Client, server: Server, place: str, same: str) -> None:
    assert client.get(f"{server.url}{place}") == client.get(same)


def test_pretty_json_is_the_same_json(client: Client) -> None:
    answer = client.http.get(client.place("Buffer/GPServer"), params={"f": "pjson"})
    assert answer.json() == client.get("Buffer/GPServer")
    assert "\n" in answer.text


def test_jsonp(client: Client) -> None:
    answer = client.http.get(client.place(""), params={"f": "json", "callback": "dojo.io_1.$cb"})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text.startswith("dojo.io_1.$cb({")
    assert answer.text.endswith("});")
    refused = client.http.get(client.place(""), params={"f": "json", "callback": "alert(1);x"})
    assert refused.json()["error"]["code"] == 400
    assert "javascript" not in refused.headers["content-type"]


@pytest.mark.parametrize(
    "place",
    [
        "Missing",
        "Missing/GPServer",
        "Buffer/GPServer/Missing",
        "Buffer/GPServer/BufferPoints/missing",
        "Buffer/GPServer/BufferPoints/jobs/j0",
        "Buffer/GPServer/BufferPoints/jobs/j" + "0" * 32,
        "Buffer/GPServer/BufferPoints/jobs/j" + "0" * 32 + "/results/Output_Polygons",
        "Tools/MapServer",
    ],
)
def test_what_is_not_there_is_an_error_body(client: Client, place: str) -> None:
    for call in (client.get, client.post):
        with pytest.raises(EsriError) as caught:
            call(place)
        assert caught.value.code == 400
        assert isinstance(caught.value.details, list)


def test_an_unknown_format_is_an_error(client: Client) -> None:
    answer = client.http.get(client.place("Buffer/GPServer"), params={"f": "nmf"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, 400)


def test_every_answer_is_open_to_every_origin(client: Client, server: Server) -> None:
    origin = {"Origin": "https://map.example.org"}
    for place in ("", "Missing/GPServer", "Buffer/GPServer"):
        answer = client.http.get(client.place(place), params={"f": "json"}, headers=origin)
        assert answer.headers["access-control-allow-origin"] == origin["Origin"]
        assert answer.headers["access-control-allow-credentials"] == "true"
        same = client.http.get(client.place(place), params={"f": "json"})
        assert "access-control-allow-origin" not in same.headers
        assert "Origin" in answer.headers["vary"]
        assert "Origin" in same.headers["vary"]
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-Esri-Authorization",
    }
    preflight = client.http.options(client.place("Buffer/GPServer"), headers=origin | asked)
    assert preflight.status_code == 200
    assert "X-Esri-Authorization" in preflight.headers["access-control-allow-headers"]


def test_absolute_urls_are_those_of_the_proxy(client: Client) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gis.example.org"}
    task = client.http.get(client.place("Tools/GPServer/EchoTypes"), params={"f": "json"}, headers=headers)
    assert task.json()["helpUrl"].startswith("https://gis.example.org/arcgis/rest/")


def pages() -> list[str]:
    task = "Buffer/GPServer/BufferPoints"
    return ["", "Buffer/GPServer", task, f"{task}/submitJob", "Buffer/MapServer", "Buffer/MapServer/legend"]


@pytest.mark.parametrize("place", pages())
def test_html_is_the_default_and_every_link_leads_somewhere(
    client: Client, server: Server, place: str
) -> None:
    page = client.http.get(client.place(place))
    assert page.headers["content-type"].startswith("text/html")
    assert "ArcGIS REST Services Directory" in page.text
    links = [part.split('"')[0] for part in page.text.split('href="')[1:]]
    assert links
    for link in links:
        answer = client.http.get(httpx.URL(client.place(place)).join(link))
        assert answer.status_code == 200, link


def test_the_bare_host_leads_to_the_directory(client: Client, server: Server) -> None:
    answer = client.http.get(f"{server.url}/", follow_redirects=True)
    assert answer.url == f"{server.rest}/services"
    assert "ArcGIS REST Services Directory" in answer.text


def test_an_error_page_says_what_is_wrong(client: Client) -> None:
    page = client.http.get(client.place("Missing/GPServer"))
    assert page.status_code == 404
    assert "<b>Error: </b>" in page.text
    assert "<script>" not in client.http.get(client.place("<script>alert(1)</script>/GPServer")).text


def test_large_answers_are_compressed_and_small_ones_are_not(client: Client) -> None:
    def encoding(place: str) -> Any:
        return client.http.get(client.place(place), params={"f": "json"}).headers.get("content-encoding")

    assert encoding("Tools/GPServer/EchoTypes") == "gzip"
    assert encoding("Buffer/GPServer") is None
