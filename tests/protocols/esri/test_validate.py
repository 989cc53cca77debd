"""What a client learns of its values before it submits a job."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import StartServer
from gpclient import Client, EsriError, points

ECHO = "Tools/GPServer/EchoTypes/validate"
BUFFER = "Buffer/GPServer/BufferPoints/validate"


def results(answer: Any) -> dict[str, Any]:
    return {item["name"]: item for item in answer["validationResults"]}


def test_every_input_is_told_and_every_fault_at_once(client: Client) -> None:
    answer = client.post(ECHO, In_String="pink", In_Long="many", In_Double="1.5", unknown="x")
    task = client.get("Tools/GPServer/EchoTypes")
    inputs = [item for item in task["parameters"] if item["direction"] == "esriGPParameterDirectionInput"]
    assert [item["name"] for item in answer["validationResults"]] == [item["name"] for item in inputs]
    found = results(answer)
    assert found["In_String"] == {
        "isAltered": True,
        "hasBeenValidated": True,
        "isEnabled": True,
        "name": "In_String",
        "message": {
            "code": 800,
            "description": "ERROR 000800: In_String: The value is not a member of red | green | blue.",
            "type": "error",
        },
        "value": "pink",
    }
    assert found["In_Long"]["message"] == {
        "code": 0,
        "description": 'In_Long: "many" is not a number.',
        "type": "error",
    }
    assert found["In_Double"]["value"] == 1.5
    assert "message" not in found["In_Double"]
    assert (found["In_Boolean"]["isAltered"], found["In_Boolean"]["value"]) == (False, None)
    [summary] = answer["additionalMessages"]
    assert (summary["code"], summary["type"]) == (800, "error")
    assert summary["description"].count("\n") == 1


def test_a_missing_value_is_told_by_its_number_and_a_default_is_shown(client: Client) -> None:
    answer = client.get(BUFFER)
    found = results(answer)
    assert found["Input_Features"]["message"]["code"] == 735
    assert "value" not in found["Input_Features"]
    assert found["Distance"]["value"] == {"distance": 100.0, "units": "esriMeters"}
    assert answer["additionalMessages"] == [
        {"code": 735, "description": "ERROR 000735: Input_Features: Value is required", "type": "error"}
    ]


def test_sound_values_come_back_as_they_were_sent(client: Client) -> None:
    sent = {"geometryType": "esriGeometryPoint", "features": [{"geometry": {"x": 1, "y": 2}}]}
    answer = client.post(BUFFER, Input_Features=json.dumps(sent), returnFeatureCollection="true")
    assert answer["additionalMessages"] == []
    assert results(answer)["Input_Features"]["value"] == sent


def test_a_large_value_is_read_too_and_not_sent_back(client: Client) -> None:
    sound = json.dumps(points(20_000))
    found = results(client.post(BUFFER, Input_Features=sound))["Input_Features"]
    assert found.keys() == {"isAltered", "hasBeenValidated", "isEnabled", "name"}
    broken = results(client.post(BUFFER, Input_Features=sound[:-9]))["Input_Features"]
    assert broken["message"]["type"] == "error"


def test_tags_around_a_value_are_understood(client: Client) -> None:
    tagged = json.dumps({"value": 7, "isAltered": True, "hasBeenValidated": False})
    found = results(client.post(ECHO, In_Long=tagged))["In_Long"]
    assert found["value"] == 7
    assert "message" not in found


def test_a_wrong_setting_is_no_fault_of_a_parameter(client: Client) -> None:
    answer = client.get(ECHO, **{"env:outSR": "nowhere"})
    assert not any("message" in item for item in answer["validationResults"])
    assert answer["additionalMessages"][0]["type"] == "error"


def test_the_service_says_that_it_can_and_no_job_is_made(client: Client) -> None:
    assert "Validate" in client.get("Tools/GPServer")["capabilities"].split(",")
    assert client.post(ECHO).keys() == {"validationResults", "additionalMessages"}


def test_a_person_gets_the_form_and_then_the_page(client: Client) -> None:
    place = client.place(ECHO)
    form = client.http.get(place)
    assert form.status_code == 200
    assert "Validate" in form.text
    assert "is not a member" in client.http.get(place, params={"In_String": "pink"}).text


def test_no_job_is_in_the_way(client: Client) -> None:
    jobs = [client.submit("Tools/SlowTask", Seconds=300) for _ in range(20)]
    try:
        with ThreadPoolExecutor(8) as askers:
            answers = list(askers.map(lambda n: client.post(ECHO, In_Long=n), range(24)))
        assert [results(answer)["In_Long"]["value"] for answer in answers] == list(range(24))
    finally:
        for job in jobs:
            client.post(f"{job}/cancel")


SERVICE = '''
"""Checked."""
import time
from gpserver import Finding, JobContext, Service, TaskError, task

checked = Service("Checked", synchronous=True)


def check(steps: int, label: str):
    if steps > 100:
        yield Finding("steps", "It will take long.", is_error=False)
    if label == "nap":
        time.sleep(60)
    if label == "bad":
        yield Finding("label", "ERROR 000732: There is nothing called bad.")
    if label == "worse":
        raise TaskError("That is worse.")


@task(output="done", validate=check)
def count(job: JobContext, steps: int, label: str = "") -> int:
    job.info("ran")
    return steps
'''
CHECKED = "Checked/GPServer/Count"


@pytest.fixture
def checked(tmp_path: Path, start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    services = tmp_path / "services"
    services.mkdir()
    (services / "checked.py").write_text(SERVICE)
    monkeypatch.setenv("GPSERVER_EXECUTE_WAIT", "5")
    client = start_server(services).client
    for _ in range(30):  # its processes come with the first question, which may take longer than it may
        try:
            client.get(f"{CHECKED}/validate", Steps=1)
            break
        except EsriError:
            continue
    return client


def test_a_publisher_checks_too_before_a_job_and_in_it(checked: Client) -> None:
    found = results(checked.get(f"{CHECKED}/validate", Steps=101, Label="bad"))
    assert found["Steps"]["message"] == {"code": 0, "description": "It will take long.", "type": "warning"}
    assert found["Label"]["message"]["code"] == 732
    worse = checked.get(f"{CHECKED}/validate", Steps=1, Label="worse")
    assert worse["additionalMessages"] == [{"code": 0, "description": "That is worse.", "type": "error"}]
    with pytest.raises(EsriError, match="nothing called bad"):
        checked.get(f"{CHECKED}/execute", Steps=1, Label="bad")
    ran = checked.get(f"{CHECKED}/execute", Steps=101)
    assert "It will take long." in [item["description"] for item in ran["messages"]]


def test_nobody_waits_for_ever(checked: Client) -> None:
    with pytest.raises(EsriError) as stopped:
        checked.get(f"{CHECKED}/validate", Steps=1, Label="nap")
    assert stopped.value.code == 504
    # The slots are free again, and nothing is left of the question.
    assert checked.get(f"{CHECKED}/validate", Steps=1)["additionalMessages"] == []
