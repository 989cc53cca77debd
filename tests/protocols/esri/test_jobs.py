"""Jobs over the wire: submit, poll, messages, results, inputs, files, cancel and every kind of failure."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import Server, StartServer
from gpclient import Client, EsriError, points

PARIS = {
    "geometry": {"x": 2.35, "y": 48.86, "spatialReference": {"wkid": 4326}},
    "attributes": {"name": "Paris"},
}
TASK = "Buffer/GPServer/BufferPoints"


def echo(client: Client, **parameters: Any) -> dict[str, Any]:
    return client.run("Tools/EchoTypes", **parameters)


def test_a_buffer_from_submit_to_result(client: Client) -> None:
    submitted = client.post(f"{TASK}/submitJob", Input_Features=json.dumps({"features": [PARIS]}))
    assert submitted.keys() == {"jobId", "jobStatus"}
    assert re.fullmatch(r"j[0-9a-f]{32}", submitted["jobId"])
    assert submitted["jobStatus"] == "esriJobSubmitted"
    job = client.place(f"{TASK}/jobs/{submitted['jobId']}")
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobSucceeded"
    assert state["results"] == {"Output_Polygons": {"paramUrl": "results/Output_Polygons"}}
    assert state["inputs"] == {
        name: {"paramUrl": f"inputs/{name}"} for name in ("Input_Features", "Distance")
    }
    result = client.get(f"{job}/{state['results']['Output_Polygons']['paramUrl']}", returnType="data")
    assert (result["paramName"], result["dataType"]) == ("Output_Polygons", "GPFeatureRecordSetLayer")
    value = result["value"]
    assert list(value)[:3] == ["displayFieldName", "geometryType", "spatialReference"]
    assert value["geometryType"] == "esriGeometryPolygon"
    assert value["spatialReference"] == {"wkid": 4326, "latestWkid": 4326}
    assert value["exceededTransferLimit"] is False
    assert value["fields"][0]["type"] == "esriFieldTypeOID"
    [feature] = value["features"]
    assert {"OBJECTID", "name", "BUFF_DIST", "Shape_Length", "Shape_Area"} <= feature["attributes"].keys()
    assert feature["attributes"]["name"] == "Paris"


def test_the_message_log_reads_like_arcgis(client: Client) -> None:
    state = client.wait(client.submit("Tools/FileTask", Text="x"))
    lines = [item["description"] for item in state["messages"]]
    assert lines[:2] == ["Submitted.", "Executing..."]
    assert re.fullmatch(r"Start Time: \w+day, \w+ \d+, \d{4} \d+:\d\d:\d\d [AP]M", lines[2])
    assert re.fullmatch(r"Succeeded at \w+day, .* [AP]M \(Elapsed Time: \d+\.\d\d seconds\)", lines[-1])
    assert {item["type"] for item in state["messages"]} == {"esriJobMessageTypeInformative"}


def test_progress_is_seen_while_a_task_counts(client: Client) -> None:
    job = client.submit("Tools/SlowTask", Seconds=2)
    step = client.wait(job, lambda state: state.get("progress", {}).get("percent", 0) > 10)["progress"]
    assert step["type"] == "step"
    assert isinstance(step["percent"], int)
    assert "progress" not in client.wait(job)


def test_every_type_goes_there_and_back(client: Client) -> None:
    rows = {"features": [{"attributes": {"name": "a", "n": 1}}, {"attributes": {"name": "ü", "n": None}}]}
    results = echo(
        client,
        In_String="green",
        In_Long="42",
        In_Double="-1.5",
        In_Boolean="True",
        In_Date="1199145600000",
        In_List=json.dumps(["a", "b;c"]),
        In_Unit=json.dumps({"distance": 2.5, "units": "Esrikilometers"}),
        In_Table=json.dumps(rows),
    )
    table = results.pop("Out_Table")
    assert {name: value for name, value in results.items() if value not in (None, "", [], {})} == {
        "Out_String": "green",
        "Out_Long": 42,
        "Out_Double": -1.5,
        "Out_Boolean": True,
        "Out_Date": 1199145600000,
        "Out_List": ["a", "b;c"],
        "Out_Unit": {"distance": 2.5, "units": "esriKilometers"},
    }
    assert [row["attributes"]["name"] for row in table["features"]] == ["a", "ü"]
    assert [row["attributes"]["n"] for row in table["features"]] == [1, None]


def test_every_declared_output_is_there_when_nothing_was_given(client: Client) -> None:
    given_nothing = echo(client, In_String="", In_File='{"url": ""}', In_Table="", In_List="", In_Unit="")
    assert given_nothing == echo(client)
    assert set(given_nothing) == {
        item["name"]
        for item in client.get("Tools/GPServer/EchoTypes")["parameters"]
        if item["direction"] == "esriGPParameterDirectionOutput"
    }
    assert given_nothing["Out_String"] == ""
    assert given_nothing["Out_Table"] == {}


def test_repeated_keys_make_a_list(client: Client) -> None:
    answer = client.http.post(
        client.place("Tools/GPServer/EchoTypes/submitJob"), data={"f": "json", "in_list": ["x", "y"]}
    )
    job = client.place(f"Tools/GPServer/EchoTypes/jobs/{answer.json()['jobId']}")
    client.wait(job)
    assert client.get(f"{job}/results/Out_List")["value"] == ["x", "y"]


@pytest.mark.parametrize("method", ["GET", "form", "multipart"])
def test_parameters_come_by_any_way_and_in_any_case(client: Client, method: str) -> None:
    values = {
        "F": "json",
        "INPUT_features": json.dumps({"features": [PARIS]}),
        "outputParam": "Output_Polygons",
    }
    place = client.place(f"{TASK}/submitJob/")
    if method == "GET":
        answer = client.http.get(place, params=values)
    elif method == "form":
        answer = client.http.post(place, data=values)
    else:
        answer = client.http.post(place, files={name: (None, value) for name, value in values.items()})
    state = client.wait(client.place(f"{TASK}/jobs/{answer.json()['jobId']}"))
    assert state["jobStatus"] == "esriJobSucceeded"


def test_out_sr_at_submit_is_the_default_of_results_and_out_sr_there_wins(client: Client) -> None:
    features = json.dumps({"features": [PARIS]})
    for settings in ({"env:outSR": "102100"}, {"context": "{outSR: {wkid: 102100}}"}):
        job = client.submit("Buffer/BufferPoints", Input_Features=features, **settings)
        client.wait(job)
        place = f"{job}/results/Output_Polygons"
        value = client.get(place, returnType="data")["value"]
        assert value["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
        ring = value["features"][0]["geometry"]["rings"][0]
        assert abs(ring[0][0] - 261600) < 1000
        lon_lat = client.get(place, returnType="data", outSR='{"wkid": 4326}')["value"]
        assert lon_lat["spatialReference"]["wkid"] == 4326
        assert abs(lon_lat["features"][0]["geometry"]["rings"][0][0][0] - 2.35) < 0.01


def test_process_sr_is_what_the_task_works_in(client: Client) -> None:
    value = client.run(
        "Buffer/BufferPoints", Input_Features=json.dumps({"features": [PARIS]}), **{"env:processSR": "32631"}
    )["Output_Polygons"]
    assert value["spatialReference"]["wkid"] == 32631


def test_only_features_in_the_extent_are_processed(client: Client) -> None:
    context = {"extent": {"xmin": 0, "ymin": -90, "xmax": 10, "ymax": 90, "spatialReference": {"wkid": 4326}}}
    features = points(360)
    value = client.run(
        "Buffer/BufferPoints", Input_Features=json.dumps(features), context=json.dumps(context)
    )["Output_Polygons"]
    assert len(value["features"]) == 11


def test_results_and_inputs_are_also_lists(client: Client) -> None:
    job = client.submit("Tools/EchoTypes", In_String="red", In_Long="7")
    client.wait(job)
    results = client.get(f"{job}/results")
    assert [item["paramName"] for item in results][:2] == ["Out_String", "Out_Long"]
    assert results[0] == client.get(f"{job}/results/Out_String")
    inputs = client.get(f"{job}/inputs")
    assert len(inputs) == len(results) - 1
    assert inputs[1] == {"paramName": "In_Long", "dataType": "GPLong", "value": 7}


def test_inputs_say_what_was_used(client: Client) -> None:
    job = client.submit("Buffer/BufferPoints", Input_Features=json.dumps({"features": [PARIS]}))
    client.wait(job)
    assert client.get(f"{job}/inputs/Distance")["value"] == {"distance": 100, "units": "esriMeters"}
    features = client.get(f"{job}/inputs/Input_Features")["value"]
    assert features["features"][0]["geometry"] == {"x": 2.35, "y": 48.86}


def test_a_large_body_goes_there_and_back(client: Client) -> None:
    large = json.dumps(points(2000))
    assert len(large) > 100_000
    job = client.submit("Buffer/BufferPoints", Input_Features=large, Distance='{"distance": 1}')
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    assert len(client.get(f"{job}/results/Output_Polygons", returnType="data")["value"]["features"]) == 2000
    assert client.get(f"{job}/inputs/Input_Features")["value"] == json.loads(large)


def test_a_feature_collection_on_request(client: Client) -> None:
    job = client.submit("Buffer/BufferPoints", Input_Features=json.dumps({"features": [PARIS]}))
    client.wait(job)
    value = client.get(f"{job}/results/Output_Polygons", returnFeatureCollection="true")["value"]
    assert value["layerDefinition"]["geometryType"] == "esriGeometryPolygon"
    assert len(value["featureSet"]["features"]) == 1


MEASURED = """
from gpserver import Features, task


@task(output="output")
def same(features: Features) -> Features:
    \"\"\"Give back what came in.\"\"\"
    return features
"""


def test_heights_and_measures_come_when_they_are_asked_for(start_server: StartServer, tmp_path: Path) -> None:
    services = tmp_path / "services"
    services.mkdir()
    (services / "measured.py").write_text(MEASURED)
    client = start_server(services).client
    line = {"paths": [[[0, 0, 5, 10], [1, 1, 6, 20]]], "hasZ": True, "hasM": True}
    features = {"hasZ": True, "hasM": True, "features": [{"geometry": line, "attributes": {}}]}
    job = client.submit("Measured/Same", Features=json.dumps(features))
    client.wait(job)

    def path(**asked: str) -> Any:
        value = client.get(f"{job}/results/Output", **asked)["value"]
        assert (value.get("hasZ", False), value.get("hasM", False)) == tuple(
            asked.get(name) == "true" for name in ("returnZ", "returnM")
        )
        return value["features"][0]["geometry"]["paths"][0]

    assert path() == [[0, 0], [1, 1]]
    assert path(returnZ="true") == [[0, 0, 5], [1, 1, 6]]
    assert path(returnM="true") == [[0, 0, 10], [1, 1, 20]]
    assert path(returnZ="true", returnM="true") == [[0, 0, 5, 10], [1, 1, 6, 20]]


def test_an_output_file_is_served_with_ranges(client: Client, server: Server) -> None:
    job = client.submit("Tools/FileTask", Text="Grüße, " * 1000)
    client.wait(job)
    url = client.get(f"{job}/results/Output_File")["value"]["url"]
    assert f"{server.rest}/directories/arcgisjobs/tools_gpserver/j" in url
    whole = client.http.get(url, headers={"Origin": "https://map.example.org"})
    assert whole.text == "Grüße, " * 1000
    assert whole.headers["access-control-allow-origin"] == "https://map.example.org"
    assert "content-disposition" not in whole.headers
    part = client.http.get(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, whole.content[:10])
    head = client.http.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    with pytest.raises(EsriError):
        client.get(url.replace("tools_gpserver", "buffer_gpserver"))
    with pytest.raises(EsriError):
        client.get(url.replace("output.txt", "..%2F..%2F..%2Fjobs.sqlite"))


def test_the_result_of_another_job_or_task_is_not_found(client: Client) -> None:
    job = client.submit("Tools/FileTask", Text="x")
    client.wait(job)
    job_id = job.rpartition("/")[2]
    for place in (
        f"{TASK}/jobs/{job_id}",
        f"Tools/GPServer/SlowTask/jobs/{job_id}",
        f"{job}/results/Missing",
        f"{job}/inputs/Missing",
    ):
        with pytest.raises(EsriError):
            client.get(place)


def test_jobs_have_short_urls(client: Client, server: Server) -> None:
    features = json.dumps({"features": [PARIS]})
    for place in ("Buffer/BufferPoints", "BufferPoints"):
        job_id = client.post(f"{server.url}/{place}/submitJob", Input_Features=features)["jobId"]
        for job in (f"{server.url}/{place}/jobs/{job_id}", f"{server.url}/jobs/{job_id}"):
            assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
            assert client.get(f"{job}/results/Output_Polygons", returnType="data")["value"]["features"]


def test_polling_is_cheap_with_an_etag(client: Client) -> None:
    job = client.submit("Tools/FileTask", Text="x")
    client.wait(job)
    first = client.http.get(job, params={"f": "json"})
    again = client.http.get(job, params={"f": "json"}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_messages_can_be_left_out(client: Client) -> None:
    job = client.submit("Tools/FileTask", Text="x")
    client.wait(job)
    assert client.get(job, returnMessages="False")["messages"] == []


def test_a_failure_is_a_failed_job_with_its_reason(client: Client) -> None:
    job = client.submit("Tools/FailTask", Reason="no <roads> here")
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobFailed"
    assert "results" not in state
    errors = [item["description"] for item in state["messages"] if item["type"].endswith("Error")]
    assert "no <roads> here" in errors
    assert "Failed to execute (FailTask)." in errors
    assert not any("Traceback" in item["description"] for item in state["messages"])
    with pytest.raises(EsriError):
        client.get(f"{job}/results/Output_File")


@pytest.mark.parametrize(
    ("task", "parameters", "part"),
    [
        ("Buffer/BufferPoints", {}, "ERROR 000735"),
        ("Buffer/BufferPoints", {"Input_Features": "nonsense"}, "Input_Features"),
        ("Buffer/BufferPoints", {"Input_Features": '{"features": [}'}, "Input_Features"),
        ("Buffer/BufferPoints", {"Input_Features": "[1, 2]"}, "Input_Features"),
        ("Tools/EchoTypes", {"In_String": "pink"}, "ERROR 000800"),
        ("Tools/EchoTypes", {"In_Long": "many"}, "In_Long"),
        ("Tools/EchoTypes", {"In_Unit": '{"distance": 1, "units": "esriParsecs"}'}, "Parsecs"),
        ("Tools/EchoTypes", {"In_Date": "yesterday"}, "In_Date"),
        ("Tools/EchoTypes", {"env:outSR": "999999999"}, "999999999"),
    ],
)
def test_a_bad_value_fails_the_job_and_says_which(
    client: Client, task: str, parameters: dict[str, str], part: str
) -> None:
    state = client.wait(client.submit(task, **(parameters or {"Distance": "5"})))
    assert state["jobStatus"] == "esriJobFailed"
    assert part in str([item for item in state["messages"] if item["type"].endswith("Error")])


def test_a_broken_context_is_refused_at_submit(client: Client) -> None:
    with pytest.raises(EsriError, match="context"):
        client.submit("Tools/EchoTypes", context="[1]")


@pytest.mark.parametrize("spelling", ["job", "task"])
def test_cancel_stops_a_job_and_it_ends_cancelled(client: Client, spelling: str) -> None:
    job = client.submit("Tools/SlowTask", Seconds=60)
    client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")
    job_id = job.rpartition("/")[2]
    if spelling == "job":
        answer = client.post(f"{job}/cancel", id=job_id, returnMessages="false")
    else:
        answer = client.get("Tools/GPServer/SlowTask/cancel", jobId=job_id)
    assert (answer["jobId"], answer["jobStatus"]) == (job_id, "esriJobCancelling")
    state = client.wait(job, seconds=2)
    assert state["jobStatus"] == "esriJobCancelled"
    assert state["messages"][-1]["description"] == "Cancel complete."
    with pytest.raises(EsriError) as caught:
        client.get(f"{job}/cancel")
    assert caught.value.message == "Invalid or missing input parameters."


def test_each_execution_type_has_its_operation(client: Client) -> None:
    with pytest.raises(EsriError, match="Error performing execute operation"):
        client.post("Buffer/GPServer/BufferPoints/execute", Input_Features="{}")
    with pytest.raises(EsriError, match="Error performing submitJob operation"):
        client.post("BufferSync/GPServer/BufferPoints/submitJob", Input_Features="{}")


def test_execute_answers_with_results_and_messages(client: Client) -> None:
    answer = client.post(
        "BufferSync/GPServer/BufferPoints/execute",
        Input_Features=json.dumps({"features": [PARIS]}),
        **{"env:outSR": "102100"},
    )
    [result] = answer["results"]
    assert (result["paramName"], result["dataType"]) == ("Output_Polygons", "GPFeatureRecordSetLayer")
    assert result["value"]["spatialReference"]["wkid"] == 102100
    assert answer["messages"][-1]["description"].startswith("Succeeded at ")


def test_a_failed_execute_is_an_error_with_the_reason(client: Client) -> None:
    with pytest.raises(EsriError) as caught:
        client.post("BufferSync/GPServer/BufferPoints/execute", Input_Features="nonsense")
    assert caught.value.message == "Unable to complete operation."
    assert "Input_Features" in str(caught.value.details)
    assert "Failed to execute (BufferPoints)." in caught.value.details


def test_past_maximum_records_there_are_no_features(client: Client) -> None:
    limit = client.get("BufferSync/GPServer")["maximumRecords"]
    assert limit == 1000
    for count in (limit, limit + 1):
        answer = client.post(
            "BufferSync/GPServer/BufferPoints/execute", Input_Features=json.dumps(points(count))
        )
        value = answer["results"][0]["value"]
        assert value["exceededTransferLimit"] is (count > limit)
        assert len(value["features"]) == (0 if count > limit else count)
        assert value["fields"]


def test_a_browser_goes_from_the_form_to_the_job_page_to_the_result(client: Client, server: Server) -> None:
    form = client.http.get(client.place(f"{TASK}/submitJob")).text
    assert 'name="Input_Features"' in form
    values = {"Input_Features": json.dumps({"features": [PARIS]}), "f": "html"}
    answer = client.http.post(client.place(f"{TASK}/submitJob"), data=values)
    assert answer.status_code == 302
    assert answer.next_request
    job = str(answer.next_request.url)
    client.wait(job)
    page = client.http.get(job).text
    assert "<b>Job Status:</b> esriJobSucceeded<br/>" in page
    assert f'{job.removeprefix(server.url)}/results/Output_Polygons"' in page
    for part in ("results/Output_Polygons", "inputs/Distance", "results", "inputs"):
        shown = client.http.get(f"{job}/{part}")
        assert shown.status_code == 200
        assert shown.headers["content-type"].startswith("text/html")


def test_a_page_shows_hostile_text_as_text(client: Client) -> None:
    job = client.submit("Tools/FailTask", Reason="<script>alert(1)</script>")
    client.wait(job)
    for place in (job, f"{job}/inputs/Reason", f"{job}/results/<script>alert(1)</script>"):
        assert "<script>" not in client.http.get(place).text
