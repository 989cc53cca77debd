"""Tasks that take and give what is large."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gpserver import JobContext, Points, Polygons, Raster, Service, task

service = Service("Files", result_map_service=True, maximum_records=1_000_000)


class Grown(NamedTuple):
    grown: Polygons
    listing: Path


@task
def grow(job: JobContext, points: Points, radius: float = 2.0) -> Grown:
    """Circles around points, and a file that lists them."""
    frame = points.set_geometry(points.buffer(radius, quad_segs=8))
    listing = job.scratch / "listing.txt"
    listing.write_text("".join(f"{n:09}\n" for n in range(len(points))))
    return Grown(frame, listing)


@task(output="text")
def read_file(file: Path) -> str:
    """What a file says."""
    return file.read_text()[:100]


@task(output="heights")
def slope(size: int = 600) -> Raster:
    """A raster that rises to the east."""
    return Raster(np.tile(np.arange(size, dtype="float32"), (size, 1)), (0, 0, 60, 60), 4326)


@task(output="names")
def environment() -> str:
    """What a task sees of the server's environment."""
    return ",".join(sorted(name for name in os.environ if name.startswith(("AWS", "GPSERVER_RESULTS"))))


@task(output="cells")
def noise(size: int = 2048) -> Raster:
    """A raster that nothing makes small."""
    cells = np.random.default_rng(3).random((size, size), np.float32)
    return Raster(cells, (0, 0, 60, 60), 4326)
