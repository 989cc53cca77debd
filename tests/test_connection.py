"""Requests that offer to change to HTTP/2, as Java's HttpClient sends them."""

import httpx
import pytest

from gpserver.testing import GPServer

OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAAB"}


@pytest.mark.parametrize("size", [1, 100_000])
def test_the_body_of_an_offer_is_read(gp_server: GPServer, size: int) -> None:
    @gp_server.task
    def measure(text: str) -> int:
        return len(text)

    text = "\r\nUpgrade: h2c\r\n" + "x" * size
    with httpx.Client(headers=OFFER) as client:
        url = gp_server.task_url("Measure")
        for _ in range(2):  # the second on the same connection
            job = client.post(f"{url}/submitJob", data={"f": "json", "text": text}).json()["jobId"]
            gp_server.advance(0)
            assert client.get(f"{url}/jobs/{job}?f=json").json()["jobStatus"] == "esriJobSucceeded"
            assert client.get(f"{url}/jobs/{job}/results/Output?f=json").json()["value"] == len(text)
