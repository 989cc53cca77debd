"""What `pip install .` installs."""

import subprocess
import sys
import zipfile
from pathlib import Path

from conftest import ROOT


def test_the_wheel_carries_code_pages_services_and_example_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "gpserver/cli.py",
        "gpserver/py.typed",
        "gpserver/formats/pages/base.html",
        "gpserver/formats/static/main.css",
        "gpserver/formats/static/vendor/leaflet/LICENSE",
        "gpserver/shipped/services/buffer.py",
        "gpserver/shipped/services/tools.py",
        "gpserver/shipped/data/populated_places.geojson",
    } <= names
    assert not any(name.startswith("tests/") for name in names)
