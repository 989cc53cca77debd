"""Tickets for jobs that wait, carried by Procrastinate: a machine that has room takes one and runs a job."""

import asyncio
from collections.abc import Callable

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

_QUEUE = "gpserver"
_TASK = "gpserver.run"
_LOOK = 0.02  # seconds between two looks whether a slot is free


class Tickets:
    """Where the tickets of a database are handed in.

    A ticket only wakes a machine: which job it takes is decided by the store, by the same rules as on one
    machine, and a ticket that is lost is made up for by a look at the store once a second.
    """

    def __init__(self, url: str) -> None:
        self._app = App(connector=SyncPsycopgConnector(conninfo=url))
        self._app.open()
        self._task = self._app.configure_task(_TASK, queue=_QUEUE, allow_unknown=True)

    def hand_in(self, job_id: str) -> None:
        """A job waits."""
        self._task.defer(job_id=job_id)

    def close(self) -> None:
        """Let go of the database."""
        self._app.close()


async def take_tickets(url: str, wake: Callable[[str], None], free: Callable[[], bool]) -> None:
    """Take tickets until a signal says stop, one at a time and only while there is room.

    Args:
        url: The database.
        wake: Called with the id of a job that waits.
        free: Whether a job that is taken now could begin.
    """
    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name=_TASK, queue=_QUEUE)
    async def run(job_id: str) -> None:
        wake(job_id)
        # The ticket is held while there is no room, so that the next one goes to another machine.
        while not free():
            await asyncio.sleep(_LOOK)

    async with app.open_async():
        await app.run_worker_async(queues=[_QUEUE], concurrency=1, delete_jobs="always", listen_notify=True)
