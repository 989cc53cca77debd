"""Jobs in a database elsewhere, as many clients poll them: who asks during one look shares the next."""

import asyncio
from contextvars import Context
from itertools import islice

from starlette.concurrency import run_in_threadpool

from gpserver.engine import Engine
from gpserver.errors import Unavailable
from gpserver.job import Job

_MOST = 100  # jobs of one look


class Looks:
    """Only for the thread of the event loop; a look begins after all who share it have asked."""

    def __init__(self) -> None:
        self._asked: dict[str, list[asyncio.Future[Job | None]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def job(self, engine: Engine, job_id: str) -> Job:
        """The job as it stands, for whom the engine is.

        Raises:
            NotFound: There is no such job, or its lifetime is over.
            Unavailable: The database is away.
        """
        if engine.near:
            return engine.job(job_id)
        answer = asyncio.get_running_loop().create_future()
        self._asked.setdefault(job_id, []).append(answer)
        if self._looking is None or self._looking.done():
            # What it logs is about many jobs.
            self._looking = asyncio.create_task(self._look_on(engine), context=Context())
        return engine.shown(job_id, await answer)

    async def _look_on(self, engine: Engine) -> None:
        while self._asked:
            asked = {job_id: self._asked.pop(job_id) for job_id in list(islice(self._asked, _MOST))}
            try:
                found = await run_in_threadpool(engine.stored, list(asked))
            except Exception as error:
                waiting = [answer for answers in asked.values() for answer in answers]
                if isinstance(error, Unavailable):  # who waited in vain has done so for all others
                    waiting += [answer for answers in self._asked.values() for answer in answers]
                    self._asked = {}
                for answer in waiting:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for job_id, answers in asked.items():
                    for answer in answers:
                        if not answer.done():  # its client hung up
                            answer.set_result(found.get(job_id))
