"""The shipped services, loaded as the server loads them; their tasks are called as plain functions."""

from pathlib import Path

import pytest

from gpserver.catalog import Catalog

SERVICES = Path(__file__).parents[2] / "services"


@pytest.fixture(scope="session")
def catalog():
    catalog = Catalog(SERVICES)
    assert catalog.services()
    assert catalog.errors == {}
    return catalog
