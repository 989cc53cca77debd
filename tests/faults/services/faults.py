"""Tasks that misbehave in every way a task can."""

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import shapely

from gpserver import JobContext, Service, task

faults = Service("Faults", instances=None)
limited = Service("Limited", time_limit=1.0, memory_limit=300_000_000)
narrow = Service("Narrow", memory_limit=300_000_000)
single = Service("Single", instances=1)


@task
def busy_loop() -> int:
    """Never leaves the interpreter, never listens."""
    n = 0
    while True:
        n += 1


@task
def native_loop() -> int:
    """One call of C code that holds the interpreter."""
    return sum(range(10**13))


@task
def with_child(job: JobContext, seconds: float = 300) -> str:
    """Starts a process of its own and says its id."""
    with subprocess.Popen(["sleep", str(seconds)]) as child:
        job.info(f"child {child.pid}")
    return "done"


@task
def nap(job: JobContext, seconds: float = 0.2, label: str = "") -> str:
    """Sleeps and says so."""
    job.info(f"pid {os.getpid()}")
    job.info(f"from {time.monotonic()}")
    time.sleep(seconds)
    job.info(f"to {time.monotonic()}")
    return label


@task
def until(job: JobContext, file: str, label: str = "") -> str:
    """Waits for a file and says so."""
    job.info(f"pid {os.getpid()}")
    while not Path(file).exists():
        time.sleep(0.02)
    return label


@task
def segfault() -> str:
    """Reads where nothing is."""
    ctypes.string_at(0)
    return ""


@task
def abort() -> str:
    """Gives up as C libraries do."""
    os.abort()


@task
def leave(code: int = 3) -> str:
    """Ends its process."""
    os._exit(code)


@task
def hog() -> int:
    """Takes memory until there is none."""
    kept = [np.ones(50_000_000) for _ in range(100)]
    return len(kept)


@task
def geos_hog() -> int:
    """Takes memory in native code until there is none."""
    return len(
        shapely.buffer(shapely.points(np.random.default_rng(1).random((200_000, 2))), 1, quad_segs=256)
    )


@task
def child_hog() -> int:
    """Has another process take memory until there is none."""
    text = "import time; kept = []\nwhile True: kept.append(bytes(b'x' * (8 << 20))); time.sleep(0.02)"
    return subprocess.run([sys.executable, "-c", text], check=True).returncode


@task
def leak() -> int:
    """Takes memory little by little."""
    kept = []
    while True:
        kept.append(np.ones(500_000))
        time.sleep(0.01)


@task
def unreadable(kind: str) -> str:
    """Gives what no client could read."""
    return "x" * (100 << 20) if kind == "large" else "\ud800"


@task
def not_a_number() -> float:
    """Gives NaN."""
    return math.nan


@task
def kill_machine() -> str:
    """Kills the process that keeps its zygote, as a job may that brings a machine down."""
    zygote = psutil.Process(os.getppid())
    os.kill(zygote.ppid(), signal.SIGKILL)
    time.sleep(60)
    return ""


@task
def chatter(job: JobContext, lines: int = 3000, pause: float = 0) -> int:
    """Says a lot."""
    for number in range(lines):
        job.info(f"line {number}")
        job.progress(100 * number / lines, "Talking")
        time.sleep(pause)
    return lines


@task
def tally(job: JobContext, folder: str, lines: int = 5, pause: float = 0) -> int:
    """Says a few lines and leaves a file of this attempt, which no other run of it may have left."""
    job.info(f"begun {job.scratch}")
    for number in range(lines):
        job.info(f"line {number}")
        time.sleep(pause)
    attempt = job.scratch.name.removeprefix("scratch-")
    (Path(folder) / f"{job.scratch.parent.name}-{attempt}").touch(exist_ok=False)
    return lines


@task
def clock(job: JobContext, seconds: float = 2) -> float:
    """Says again and again what time it is."""
    end = time.time() + seconds
    while time.time() < end:
        job.info(f"{time.time()}")
        time.sleep(0.03)
    return end


@task(cancel_grace=2.0)
def polite(job: JobContext, mark: str = "") -> str:
    """Watches for its cancel and cleans up; its own folder goes a moment after its end."""
    job.info(f"pid {os.getpid()}")
    while not job.cancelled:
        time.sleep(0.01)
    if mark:
        Path(mark).write_text("cleaned")
    job.check_cancelled()
    return ""


@task
def files(job: JobContext) -> list[Path]:
    """Makes three files and hands out two."""
    paths = [job.scratch / name for name in ("a.txt", "b.txt", "secret.txt")]
    for path in paths:
        path.write_text(path.stem)
    return paths[:2]
