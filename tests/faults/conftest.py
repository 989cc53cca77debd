"""What misbehaves, on one machine and on several."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cluster import Cluster, machines

FAULTS = Path(__file__).parent / "services"


@pytest.fixture
def cluster(postgis: psycopg.Connection, tmp_path: Path) -> Iterator[Cluster]:
    """Machines of a test's own, none at first."""
    with machines(postgis, tmp_path, FAULTS) as cluster:
        yield cluster
