"""A web node whose database does not answer: it says so, does all else meanwhile, and recovers by itself."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from cluster import machines
from faults.conftest import FAULTS
from gpclient import EsriError
from line import line

QUICK = 5.0  # seconds; a loop that waits for the database answers nobody for longer


def test_polls_and_submits_are_told_and_nobody_else_waits(
    postgis: psycopg.Connection, tmp_path: Path
) -> None:
    with machines(postgis, tmp_path, FAULTS) as cluster, line(postgis.info.host) as way:
        name = cluster.database.partition("?")[0].rpartition("/")[2]
        cluster.database = f"postgresql://postgres@127.0.0.1:{way.port}/{name}"
        client = cluster.web().client
        job = client.submit("Faults/Nap")
        way.cut()
        with ThreadPoolExecutor(6) as pool:
            polls = [pool.submit(client.get, job) for _ in range(3)]
            submits = [pool.submit(client.submit, "Faults/Nap") for _ in range(3)]
            while not all(each.done() for each in (*polls, *submits)):
                answer = httpx.get(f"{client.url}/arcgis/rest/info", params={"f": "json"}, timeout=QUICK)
                assert answer.status_code == 200
                time.sleep(0.2)
        for each in (*polls, *submits):
            with pytest.raises(EsriError) as caught:
                each.result()
            assert caught.value.code == 503
        told = httpx.get(f"{client.url}/sp/scheduler/tasks/{'0' * 32}/progress", timeout=30)
        assert (told.status_code, told.json()["statusCode"]) == (503, 503)
        way.mend()
        deadline = time.monotonic() + 60
        while True:
            try:
                assert client.get(job)["jobStatus"] == "esriJobSubmitted"
                break
            except EsriError:
                assert time.monotonic() < deadline
        client.submit("Faults/Nap")
