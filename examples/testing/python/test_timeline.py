"""Story 1: a progress bar, tested in CI.

In production jobs wait for an instance, count up and end, at a pace that no test can rely on.
Here a job goes by a timeline, and the client's pauses are those of the server's clock: nobody really waits.
The client should show each state once, the percentage as it grows, and ask no more once the job has ended.
"""

from collections.abc import Callable, Iterator

import httpx

from gpserver.emulator.timeline import executing, submitted, succeeded, waiting
from gpserver.testing import GPServer

RUNNING = ("esriJobSubmitted", "esriJobWaiting", "esriJobExecuting")


def progress(task: str, parameters: dict[str, str], pause: Callable[[float], None]) -> Iterator[str]:
    """The client: runs a job, and yields each line that a user is shown."""
    job = httpx.post(f"{task}/submitJob", data={"f": "json", **parameters}).json()
    shown = ""
    while True:
        percent = job.get("progress", {}).get("percent")
        line = job["jobStatus"].removeprefix("esriJob") + (f" {percent:g} %" if percent is not None else "")
        if line != shown:
            yield line
        if job["jobStatus"] not in RUNNING:
            return
        shown = line
        pause(0.5)
        job = httpx.get(f"{task}/jobs/{job['jobId']}", params={"f": "json"}).json()


def test_a_user_sees_each_state_once_and_the_percentage(gp_server: GPServer) -> None:
    @gp_server.task
    def count(number: int) -> int:
        return number

    gp_server.clock.speed = 0
    gp_server.play(submitted(0.5), waiting(1), executing(2, progress=(0, 100)), succeeded())
    lines = list(progress(gp_server.task_url("Count"), {"Number": "3"}, gp_server.advance))
    bar = ["Executing 0 %", "Executing 25 %", "Executing 50 %", "Executing 75 %"]
    assert lines == ["Submitted", "Waiting", *bar, "Succeeded"]
    gp_server.requests.submitted("Count").with_param("Number", 3).once()
    gp_server.requests.polled().times(7)
