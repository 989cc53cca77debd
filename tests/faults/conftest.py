"""What misbehaves, on one machine and on several."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from cluster import Cluster, machines
from gpclient import Client

FAULTS = Path(__file__).parent / "services"


@pytest.fixture
def cluster(postgis: psycopg.Connection, tmp_path: Path) -> Iterator[Cluster]:
    """Machines of a test's own, none at first."""
    with machines(postgis, tmp_path, FAULTS) as cluster:
        yield cluster


def executing(client: Client, job: str) -> dict[str, Any]:
    return client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")


def said(client: Client, job: str, word: str) -> str:
    """Wait until the job says ``word something``; returns the something."""

    def lines(state: dict[str, Any]) -> list[str]:
        return [m["description"] for m in state["messages"] if m["description"].startswith(f"{word} ")]

    return lines(client.wait(job, lambda state: bool(lines(state))))[0].removeprefix(f"{word} ")


def gone(pid: int, within: float) -> bool:
    """Whether a process ends in time; one that only waits to be reaped has ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.005)
    return False


def errors(state: dict[str, Any]) -> str:
    return " ".join(m["description"] for m in state["messages"] if m["type"] == "esriJobMessageTypeError")
