"""A service as an item of a catalog, and the metadata of a task."""

from xml.etree import ElementTree as ET

import pytest
from gpclient import Client, EsriError


def xml(client: Client, place: str) -> ET.Element:
    answer = client.http.get(client.place(place))
    assert answer.headers["content-type"].startswith("text/xml")
    return ET.fromstring(answer.content)


def test_the_item_of_a_service(client: Client) -> None:
    described = client.get("Tools/GPServer")
    item = client.post("Tools/GPServer/info/iteminfo")
    assert item["type"] == "Geoprocessing Service"
    assert item["description"] == described["serviceDescription"]
    assert client.get(item["url"]) == described
    for name in client.get("Tools/GPServer/info")["resources"]:
        assert client.http.get(client.place(f"Tools/GPServer/info/{name}")).status_code == 200


def test_a_service_has_no_thumbnail_and_says_so(client: Client) -> None:
    assert client.get("Tools/GPServer/info/iteminfo")["thumbnail"] is None
    with pytest.raises(EsriError, match="no thumbnail"):
        client.get("Tools/GPServer/info/thumbnail")


def test_the_metadata_of_a_task_names_its_parameters(client: Client) -> None:
    task = client.get("Buffer/GPServer/BufferPoints")
    root = xml(client, "Buffer/GPServer/BufferPoints/metadata")
    assert root.tag == "metadata"
    assert root.findtext("dataIdInfo/idCitation/resTitle") == task["displayName"]
    assert root.findtext("tool/summary") == task["description"]
    found = [(item.get("name"), f"esriGPParameterType{item.get('type')}") for item in root.iter("param")]
    assert found == [(item["name"], item["parameterType"]) for item in task["parameters"]]
    assert xml(client, "Buffer/GPServer/info/metadata").findtext("dataIdInfo/idAbs")


def test_what_is_not_there_has_no_metadata(client: Client) -> None:
    for place in ("Nothing/GPServer/info", "Nothing/GPServer/info/metadata", "Tools/GPServer/No/metadata"):
        with pytest.raises(EsriError):
            client.get(place)
