"""The house holds: imports only go down the ladder, files and functions stay small."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gpserver"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the lowest line up. A module or a package imports only from lines below its own; files of one
# package may import each other.
LADDER = [
    ["age", "clock", "errors", "finding", "job", "logs", "naming"],
    ["connection", "home", "observer", "space", "webhook"],
    ["objects"],
    ["features", "symbology", "eql", "database", "shared"],
    ["archives", "rasters", "migration"],
    ["layers"],
    ["context"],
    ["datatypes"],
    ["parameter"],
    ["annotation"],
    ["signature"],
    ["publishing"],
    ["canned"],
    ["tools"],
    ["addresses", "loading", "workspace", "stores"],
    ["fetch", "uploads", "retention"],
    ["catalog", "results", "sources"],
    ["evergis"],
    ["worker"],
    ["sandbox"],
    ["executors", "queue"],
    ["engine", "clerk", "courier", "examiner", "maps"],
    ["schedules"],
    ["security"],
    ["formats"],
    ["protocols"],
    ["telemetry"],
    ["settings"],
    ["overview", "parts", "places"],
    ["app"],
    ["serve", "runner", "jobs", "demo", "shell"],
    ["cassettes"],
    ["emulator"],
    ["testing"],
    ["plugin"],
    ["cli"],
    ["__main__"],
]
LINE = {name: line for line, names in enumerate(LADDER) for name in names}


def room(module: str) -> str:
    """The first name below gpserver: ``gpserver.features.layer`` -> ``features``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imported(path: Path) -> set[str]:
    """The rooms of gpserver that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {room(name) for name in names if name.split(".")[0] == "gpserver"}


def functions() -> list[tuple[int, str]]:
    """(lines without docstring, place) of every function."""
    found = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                found.append((lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    return sorted(found)


def test_imports_go_down_the_ladder() -> None:
    wrong = []
    for path in MODULES:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        assert own in LINE, f"{own} has no place on the ladder"
        names = (imported(path) & LINE.keys()) - {own}
        wrong += [f"{path} must not import {name}" for name in names if LINE[name] >= LINE[own]]
    assert not wrong


def test_every_name_of_the_ladder_exists() -> None:
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert set(LINE) <= there


def test_services_import_only_the_public_names_the_tools_and_the_tasks() -> None:
    for path in (ROOT / "services").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        ours = [name for name in modules if name.split(".")[0] == "gpserver"]
        allowed = ("gpserver.tools", "gpserver.evergis")
        assert all(name == "gpserver" or name.startswith(allowed) for name in ours), path


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("worker", {"starlette", "uvicorn", "gpserver.engine", "gpserver.protocols", "matplotlib"}),
        # Maps are drawn elsewhere, and a server should start in a moment: frames, SQL and the like come with
        # whoever first needs them.
        (
            "app",
            {"matplotlib", "rasterio", "gpserver.maps.canvas"}
            | {"pandas", "geopandas", "pyogrio", "scipy", "pyarrow.parquet"}
            | {"sqlglot", "duckdb", "gpserver.eql", "PIL", "cryptography", "croniter", "simplekml"}
            | {"jinja2", "numpy.ma", "psutil", "httpcore"},
        ),
        ("cassettes.commands", {"gpserver.app", "numpy"}),
    ],
)
def test_a_process_loads_only_what_it_needs(module: str, others: set[str]) -> None:
    code = f"import sys, gpserver.{module}; print(*(name for name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not others & set(loaded)


def test_files_stay_small() -> None:
    sizes = sorted((len(path.read_text("utf-8").splitlines()), str(path)) for path in MODULES)
    assert statistics.median(lines for lines, _ in sizes) < 150
    assert sizes[-1][0] <= 400, sizes[-1]


def test_functions_stay_small() -> None:
    found = functions()
    lines = [length for length, _ in found]
    assert statistics.median(lines) < 10
    assert statistics.quantiles(lines, n=10)[-1] < 25, found[-len(found) // 10 :]
    assert lines[-1] <= 50, found[-1]


def test_every_module_says_what_it_is_for() -> None:
    for path in MODULES:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
