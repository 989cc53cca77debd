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
from gpserver.shared import limited


def work(settings: Settings) -> int:
    """Run jobs until a signal says stop; what runs then gets its time, or goes back to the queue.

    A second signal ends it at once.

    Raises:
        GPServerError: The settings name no shared database, or it cannot be used.
    """
    if not settings.store:
        raise GPServerError("A worker needs the database that it shares: set store = 'postgresql://…'.")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    executor = create_runner(settings)
    url = limited(settings.store)
    bus = Bus(url, {"cancel": executor.cancel})
    bus.start()
    executor.start(lambda job_id: bus.say("ended", job_id))
    print("gpserver worker is ready", flush=True)
    try:
        asyncio.run(_work(url, executor, settings.drain))
    finally:
        executor.close()
        bus.close()
    return 0


async def _work(url: str, executor: LocalExecutor, seconds: float) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            executor.hurry()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await take_tickets(url, executor.enqueue, executor.free, stopping)
    await asyncio.to_thread(executor.drain, seconds)
