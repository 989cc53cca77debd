"""Tickets for jobs that wait, carried by Procrastinate: a machine that has room takes one and runs a job."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from psycopg import AsyncConnection, Connection

from gpserver.errors import Unavailable
from gpserver.shared import SharedDatabase, limited

_log = logging.getLogger(__name__)

_QUEUE = "gpserver"
_TASK = "gpserver.run"
_WAITING = "SELECT 1 FROM procrastinate_jobs WHERE queue_name = ? AND status = 'todo' LIMIT 1"
_LOOK = 0.02  # seconds between two looks whether a slot is free
_MISSED = (
    0.5  # seconds until a ticket is taken whose word came while Procrastinate asked: it forgets that one
)
_PATIENCE = 3.0  # seconds for a connection
_PAUSE = 1.0  # seconds until a database that went away is tried again
_SILENCE = 30.0  # seconds without a sign of life after which the tickets that a machine holds are void
_TIDY = 10.0  # seconds between two looks for those


def _alone(connection: Connection) -> None:
    """Each statement of Procrastinate stands alone: who freezes after one keeps no ticket from the others."""
    connection.autocommit = True


async def _each_alone(connection: AsyncConnection) -> None:
    """The same of a worker's connections, one of which has been opened like that already."""
    await connection.set_autocommit(True)


class Tickets:
    """Where the tickets of a database are handed in.

    A ticket only wakes a machine, which takes jobs for as long as it has room: which ones is decided by the
    store, by the same rules as on one machine. So one ticket that waits is enough for any number of jobs, and
    one that is lost is made up for by a look at the store once a second.
    """

    def __init__(self, database: SharedDatabase) -> None:
        self._database = database
        self._app = App(
            connector=SyncPsycopgConnector(conninfo=database.url, timeout=_PATIENCE, configure=_alone)
        )
        self._app.open()
        self._task = self._app.configure_task(_TASK, queue=_QUEUE, allow_unknown=True)

    def hand_in(self, job_id: str) -> None:
        """A job was added, and that is committed; what cannot be told now is logged."""
        try:
            # Whoever takes the ticket that still waits looks for jobs after that, and finds this one.
            if not self._database.rows(_WAITING, _QUEUE):
                self._task.defer()
        except (ConnectorException, Unavailable):
            _log.warning("No ticket was handed in for job %s.", job_id, exc_info=True)

    def close(self) -> None:
        """Let go of the database."""
        self._app.close()


async def take_tickets(
    url: str, look: Callable[[], bool], free: Callable[[], bool], stopping: asyncio.Event
) -> None:
    """Take tickets one at a time and only while there is room; a database that is away is tried again.

    Args:
        url: The database.
        look: Begins the jobs that there is room for, and says whether some room is left.
        free: Whether a job that is taken now could begin.
        stopping: Set when it is enough.
    """
    # In a thread that may be left alone: nothing of Procrastinate's ends while a network swallows answers.
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    always = _take_always(url, look, free, stop)
    thread = threading.Thread(
        target=loop.run_until_complete, args=(always,), name="gpserver-tickets", daemon=True
    )
    thread.start()
    await stopping.wait()
    loop.call_soon_threadsafe(stop.set)
    await asyncio.to_thread(thread.join, _PATIENCE)


async def _take_always(
    url: str, look: Callable[[], bool], free: Callable[[], bool], stopping: asyncio.Event
) -> None:
    while not stopping.is_set():
        taking = asyncio.create_task(_take(url, look, free))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({taking, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in (taking, stop):
            task.cancel()
        [ended, _] = await asyncio.gather(taking, stop, return_exceptions=True)
        if not stopping.is_set():
            _log.warning("The database of tickets is not there; trying again in a moment: %s", ended)
            await asyncio.sleep(_PAUSE)


async def _take(url: str, look: Callable[[], bool], free: Callable[[], bool]) -> None:
    """Until the database goes away, which ends Procrastinate's worker with an error or without."""
    app = App(connector=PsycopgConnector(conninfo=limited(url), timeout=_PATIENCE, configure=_each_alone))

    @app.task(name=_TASK, queue=_QUEUE)
    async def run() -> None:
        if await asyncio.to_thread(look):
            return
        # Jobs may be left that another machine has room for; while this ticket is held, that one alone wakes.
        await app.configure_task(_TASK, queue=_QUEUE).defer_async()
        while not free():
            await asyncio.sleep(_LOOK)

    async with app.open_async():
        tidying = asyncio.create_task(_tidy(app))
        try:
            await app.run_worker_async(
                queues=[_QUEUE],
                concurrency=1,
                fetch_job_polling_interval=_MISSED,
                delete_jobs="always",
                listen_notify=True,
                install_signal_handlers=False,
                shutdown_graceful_timeout=0,  # a ticket says nothing that is not in the store
            )
        finally:
            tidying.cancel()


async def _tidy(app: App) -> None:
    """Throw away tickets that somebody held who is gone: the store knows better what became of the job."""
    while True:
        with suppress(ConnectorException):  # the worker notices
            for ticket in await app.job_manager.get_stalled_jobs(
                queue=_QUEUE, seconds_since_heartbeat=_SILENCE
            ):
                await app.job_manager.finish_job(ticket, Status.FAILED, delete_job=True)
        await asyncio.sleep(_TIDY)
