"""The shipped services as plain modules: what their functions do without a server."""

import importlib.util
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"


def load(name):
    spec = importlib.util.spec_from_file_location(f"shipped_{name}", SERVICES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def buffer_service():
    return load("buffer")


@pytest.fixture(scope="session")
def tools_service():
    return load("tools")
