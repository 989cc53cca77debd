"""Who looks on: what has changed on an emulated server, told as it happens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool

from gpserver.emulator.account import ClockTime, Noted, PlayedJob, jobs_of, note_of, time_of
from gpserver.emulator.masking import Masking

if TYPE_CHECKING:
    from gpserver.emulator.emulator import Emulator

_EVERY = 0.5  # seconds between two looks where no request ends: jobs go on by themselves
_PAUSE = 0.1  # seconds after each look, so that many requests are told at once


class News(msgspec.Struct, frozen=True):
    """What has changed since the news before."""

    anew: bool
    """Whether nothing of what was told before is there any more."""
    clock: ClockTime
    jobs: list[PlayedJob]
    requests: list[Noted]


class Watching:
    """The streams of news of a server.

    Args:
        emulator: The server.
    """

    def __init__(self, emulator: "Emulator") -> None:
        self._emulator, self._closed = emulator, False
        self._wakers: list[Callable[[], object]] = []

    def close(self) -> None:
        """End all streams, which would go on for ever."""
        self._closed = True
        for wake in list(self._wakers):
            wake()

    async def news(self) -> AsyncIterator[News]:
        """All that there is, and then whatever changes."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake(*_: object) -> None:
            loop.call_soon_threadsafe(woken.set)

        watcher = _Watcher(self._emulator)
        self._wakers.append(wake)
        forget = self._emulator.journal.listen(wake)
        try:
            while not self._closed:
                if found := await run_in_threadpool(watcher.look):
                    yield found
                await asyncio.sleep(_PAUSE)
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), _EVERY)
                woken.clear()
        finally:
            forget()
            self._wakers.remove(wake)


class _Watcher:
    """One who looks, and remembers what he has seen."""

    def __init__(self, emulator: "Emulator") -> None:
        self._emulator = emulator
        self._cleared, self._speed = -1, -1.0
        self._begin()

    def _begin(self) -> None:
        self._masking = Masking()
        self._jobs: dict[str, PlayedJob] = {}
        self._requests: set[int] = set()
        self._now = 0.0

    def look(self) -> News | None:
        """What has changed; None for nothing."""
        cleared = self._emulator.journal.cleared
        anew = cleared != self._cleared
        if anew:
            self._cleared = cleared
            self._begin()
        before, clock = (self._now, self._speed), time_of(self._emulator.clock)
        self._now, self._speed = clock.now, clock.speed
        jobs, requests = self._new_jobs(), self._new_requests()
        # A clock that goes on by itself is no news.
        set_anew = clock.speed != before[1] or (not clock.speed and clock.now != before[0])
        return News(anew, clock, jobs, requests) if anew or jobs or requests or set_anew else None

    def _new_jobs(self) -> list[PlayedJob]:
        found = {job.id: job for job in jobs_of(self._emulator.world.stage)}
        changed = [job for job in found.values() if self._jobs.get(job.id) != job]
        self._jobs = found
        return changed

    def _new_requests(self) -> list[Noted]:
        records = self._emulator.journal.records()
        new = [item for item in records if item.ended is not None and item.number not in self._requests]
        self._requests = {item.number for item in records if item.ended is not None}
        return [note_of(record) for record in self._masking.all(new)]
