"""`gpserver worker`: runs jobs of a shared database on this machine."""

import asyncio
import shutil
import signal
import threading
from pathlib import Path

from gpserver import logs, overview
from gpserver.app import create_runner
from gpserver.errors import GPServerError
from gpserver.executors.bus import Bus
from gpserver.executors.local import LocalExecutor
from gpserver.executors.tickets import take_tickets
from gpserver.home import home_of, occupied
from gpserver.settings import Settings
from gpserver.shared import limited
from gpserver.telemetry.listener import answering
from gpserver.telemetry.observers import create_telemetry


def work(settings: Settings) -> int:
    """Run jobs until a signal says stop; what runs then gets its time, or goes back to the queue.

    A second signal ends it at once.

    Raises:
        GPServerError: The settings name no shared database, or it cannot be used.
    """
    if not settings.store:
        raise GPServerError("A worker needs the database that it shares: set store = 'postgresql://…'.")
    logs.set_up(settings.log_format, settings.log_level)
    with occupied(home := home_of(settings.data.resolve(), shared=True)):
        _run(settings, home)
    shutil.rmtree(home, ignore_errors=True)
    return 0


def _run(settings: Settings, home: Path) -> None:
    telemetry, stopping = create_telemetry(), threading.Event()
    executor = create_runner(settings, home, telemetry)
    watched = overview.of_runner(settings, executor, telemetry, stopping.is_set)
    url = limited(settings.store)
    bus = Bus(url, {"cancel": executor.cancel})
    bus.start()
    executor.start(lambda job_id: bus.say("ended", job_id))
    print("gpserver worker is ready", flush=True)
    try:
        with answering(settings.host, settings.metrics_port, watched):
            asyncio.run(_work(url, executor, settings.drain, stopping))
    finally:
        executor.close()
        bus.close()
        telemetry.close()


async def _work(url: str, executor: LocalExecutor, seconds: float, told: threading.Event) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            executor.hurry()
        told.set()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await take_tickets(url, executor.look, executor.free, stopping)
    await asyncio.to_thread(executor.drain, seconds)
