"""`gpserver worker`: runs jobs of a shared database on this machine."""

import asyncio
import logging
import signal

from gpserver.app import create_runner
from gpserver.errors import GPServerError
from gpserver.executors.bus import Bus
from gpserver.executors.local import LocalExecutor
from gpserver.executors.tickets import take_tickets
from gpserver.settings import Settings


def work(settings: Settings) -> int:
    """Run jobs until a signal says stop; what runs then has its grace and goes back to the queue.

    Raises:
        GPServerError: The settings name no shared database, or it cannot be used.
    """
    if not settings.store:
        raise GPServerError("A worker needs the database that it shares: set store = 'postgresql://…'.")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    executor = create_runner(settings)
    bus = Bus(settings.store, {"cancel": executor.cancel})
    bus.start()
    executor.start(lambda job_id: bus.say("ended", job_id))
    print("gpserver worker is ready", flush=True)
    try:
        asyncio.run(_take_tickets(settings.store, executor))
    finally:
        executor.close()
        bus.close()
    return 0


async def _take_tickets(url: str, executor: LocalExecutor) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await take_tickets(url, executor.enqueue, executor.free, stopping)
