"""The parts of a server that somebody may exchange who needs a server like it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gpserver.catalog import Catalog
from gpserver.engine import Engine
from gpserver.executors import Executor
from gpserver.formats import Resource
from gpserver.job import Job
from gpserver.results.place import Files
from gpserver.sandbox.desk import Asks
from gpserver.stores import JobStore


@dataclass(frozen=True)
class Parts:
    """What is made otherwise than the settings say; None and the defaults are the server's own."""

    clock: Callable[[], float] = lambda: time.time()
    """Gives epoch seconds."""
    catalog: Catalog | None = None
    """The services."""
    jobs: Callable[[Files], tuple[JobStore, Executor]] | None = None
    """Makes what keeps jobs and what runs them."""
    engine: Callable[..., Engine] = Engine
    """Makes the engine of what ``Engine`` is made of."""
    status: Callable[[Job], str] | None = None
    """What ArcGIS' clients are told of where a job stands."""
    desk: Asks | None = None
    """Looks at inputs before a job is submitted."""
    adapt: Callable[[str, Resource], Resource] | None = None
    """Makes of what there is at a path what ArcGIS' clients get."""
