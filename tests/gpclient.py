"""The smallest ArcGIS client, for tests: submit, poll, fetch, and always read the error body."""

import time
from collections.abc import Callable
from typing import Any

import httpx

ENDS = ("esriJobSucceeded", "esriJobFailed", "esriJobTimedOut", "esriJobCancelled")


class EsriError(Exception):
    """The ``error`` body of an answer."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.code, self.message, self.details = error["code"], error["message"], error["details"]


class Client:
    """Calls the REST interface of one server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.services = f"{url}/arcgis/rest/services"
        self.http = httpx.Client(timeout=60, trust_env=False)

    def get(self, place: str, **parameters: Any) -> Any:
        """GET a resource as JSON; ``place`` is absolute or below the services."""
        return self._read(self.http.get(self.place(place), params={"f": "json", **parameters}))

    def post(self, place: str, **parameters: Any) -> Any:
        """POST a form and read JSON."""
        return self._read(self.http.post(self.place(place), data={"f": "json", **parameters}))

    def place(self, place: str) -> str:
        return place if place.startswith("http") else f"{self.services}/{place}".rstrip("/")

    def submit(self, task: str, **parameters: Any) -> str:
        """Submit a job of ``Service/Task``; returns its URL."""
        service, _, name = task.rpartition("/")
        place = self.place(f"{service}/GPServer/{name}")
        return f"{place}/jobs/{self.post(f'{place}/submitJob', **parameters)['jobId']}"

    def wait(
        self, job: str, until: Callable[[dict[str, Any]], bool] | None = None, seconds: float = 60
    ) -> Any:
        """Poll a job until it ended, or until ``until`` likes its state, ever less often: polls cost time."""
        deadline, pause = time.monotonic() + seconds, 0.01
        while True:
            state = self.get(job)
            if until(state) if until else state["jobStatus"] in ENDS:
                return state
            if state["jobStatus"] in ENDS or time.monotonic() > deadline:
                raise AssertionError(f"waited in vain: {state}")
            time.sleep(pause)
            pause = min(1.2 * pause, 0.1)

    def run(self, task: str, **parameters: Any) -> Any:
        """Submit, wait for the success, and return the results by name."""
        job = self.submit(task, **parameters)
        state = self.wait(job)
        assert state["jobStatus"] == "esriJobSucceeded", state
        # Where each job is a map, features are a picture unless data is asked for.
        return {
            name: self.get(f"{job}/results/{name}", returnType="data")["value"] for name in state["results"]
        }

    def _read(self, answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        assert "json" in answer.headers["content-type"]
        value = answer.json()
        if isinstance(value, dict) and "error" in value:
            raise EsriError(value["error"])
        return value


def points(count: int, wkid: int = 4326) -> dict[str, Any]:
    """A feature set of points on a small grid, with a name each."""
    features = [
        {"geometry": {"x": n % 360 - 180, "y": (n // 360) % 160 - 80}, "attributes": {"name": f"p{n}"}}
        for n in range(count)
    ]
    return {"geometryType": "esriGeometryPoint", "spatialReference": {"wkid": wkid}, "features": features}
