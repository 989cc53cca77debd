"""Story 8: many jobs at once.

In production a client that starts a job per parcel meets a shared server that runs two of them, for minutes.
Here jobs of ten minutes pass in a moment, in this process; `JOBS=1000 pytest test_load.py` runs a thousand.
The client should have few jobs under way at once, ask seldom, and lose none.
"""

import asyncio
import os
from typing import Any

import httpx

from gpserver.emulator.timeline import executing, succeeded
from gpserver.testing import GPServer

JOBS, AT_ONCE, MINUTES = int(os.environ.get("JOBS", "100")), 20, 10


class Client:
    """The client: as many jobs as wanted, some of them at once."""

    def __init__(self, server: GPServer) -> None:
        transport = httpx.ASGITransport(server)
        self.http = httpx.AsyncClient(transport=transport, base_url=server.task_url("Area"))
        self.pause = server.clock.sleep  # in production: asyncio.sleep

    async def ask(self, path: str, **data: Any) -> Any:
        return (await self.http.post(path, data={"f": "json", **data})).json()

    async def run(self, parcel: int) -> int:
        job = await self.ask("/submitJob", Parcel=parcel)
        while job["jobStatus"] in ("esriJobSubmitted", "esriJobWaiting", "esriJobExecuting"):
            await self.pause(MINUTES * 60)
            job = await self.ask(f"/jobs/{job['jobId']}")
        return int((await self.ask(f"/jobs/{job['jobId']}/results/Output"))["value"])

    async def run_all(self) -> list[int]:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(parcel: int) -> int:
            async with room:
                return await self.run(parcel)

        async with self.http:
            return await asyncio.gather(*map(one, range(JOBS)))


def test_none_is_lost(gp_app: GPServer) -> None:
    @gp_app.task(limits={"time_limit": 24 * 3600})
    def area(parcel: int) -> int:
        return parcel * 2

    gp_app.clock.speed = 6000
    gp_app.play(executing(MINUTES * 60), succeeded())
    assert asyncio.run(Client(gp_app).run_all()) == [2 * parcel for parcel in range(JOBS)]
    assert gp_app.requests.polled().count <= 2 * JOBS
