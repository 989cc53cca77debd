"""A task that does nothing: what it costs is the engine."""

import time

from gpserver import Service, task

empty = Service("Empty", instances=None)


@task
def nothing() -> float:
    """Say when it began, in epoch seconds."""
    return time.time()
