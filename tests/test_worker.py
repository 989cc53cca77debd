"""What a child has when it is forked."""

import json
import subprocess
import sys
from pathlib import Path

SERVICE = """
from gpserver import Points, task

@task
def Move(points: Points, far: bool = False) -> Points:
    return points
"""

# Runs one job as a warm child does, and tells which modules it had to load meanwhile.
CHILD = """
import json, sys
from importlib import import_module
from gpserver import worker

class Channel:
    send = lambda self, *event: None
    cancelled = lambda self: False

for module in worker.PRELOAD:
    import_module(module)
there = set(sys.modules)
ended = worker.run(json.loads(sys.argv[1]), Channel())
print(json.dumps([ended["status"], sorted(set(sys.modules) - there)]))
"""

POINTS = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "NAME", "type": "esriFieldTypeString"}],
    "features": [{"geometry": {"x": 1, "y": 2}, "attributes": {"NAME": "here"}}],
}


def test_a_child_is_forked_when_what_jobs_need_is_there(tmp_path: Path) -> None:
    """Each child would load it anew, under the first job that it runs."""
    (tmp_path / "moving.py").write_text(SERVICE)
    (tmp_path / "jobs").mkdir()
    job = {
        "job_id": "0" * 32,
        "attempt": 1,
        "service": "Moving",
        "task": "Move",
        "services": str(tmp_path),
        "jobs": str(tmp_path / "jobs"),
        "environment": {},
        "inputs": [{"name": "Points", "data_type": "GPFeatureRecordSetLayer", "texts": [json.dumps(POINTS)]}],
        "layers": {"location": str(tmp_path / "layers")},
    }
    child = subprocess.run([sys.executable, "-c", CHILD, json.dumps(job)], capture_output=True, check=True)
    status, loaded = json.loads(child.stdout)
    assert status == "succeeded"
    assert [name for name in loaded if not name.startswith("gpserver_service_")] == []
