"""What the tests of the sandbox run in its children: ``run`` calls the function that the payload names."""

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy
import shapely

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(300)"]
START_DAEMON = """
import subprocess, sys
print(subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=subprocess.DEVNULL).pid)
"""
kept: list[object] = []


def run(payload: dict[str, Any], channel: Any) -> Any:
    return globals()[payload["do"]](channel, **payload.get("with", {}))


def answer(channel: Any, value: object = None) -> dict[str, Any]:
    return {"value": value, "pid": os.getpid()}


def problem(channel: Any, text: str) -> dict[str, Any]:
    return {"problem": text}


def returns_a_set(channel: Any) -> Any:
    return {1, 2}


def returns_much(channel: Any, megabytes: int) -> dict[str, Any]:
    return {"value": "x" * (megabytes << 20)}


def events(channel: Any, count: int) -> dict[str, Any]:
    for number in range(count):
        channel.send("number", number)
    return {}


def speak(channel: Any) -> dict[str, Any]:
    channel.send("first")
    print("printed")
    print("10 %\r20 %\r30 %", file=sys.stderr)
    print("no text: \udcff")
    os.write(1, b"from native code\n")
    print("unfinished", end="")
    return {}


def late_thread(channel: Any) -> dict[str, Any]:
    threading.Thread(target=lambda: (time.sleep(0.2), channel.send("late")), daemon=True).start()
    return {"pid": os.getpid()}


def surroundings(channel: Any) -> dict[str, Any]:
    descriptors = {}
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists the others
            descriptors[link.name] = str(link.readlink())
    oom = Path("/proc/self/oom_score_adj").read_text().strip()
    leads = os.getsid(0) == os.getpgid(0) == os.getpid()
    return {"descriptors": descriptors, "oom": oom, "leads": leads, "random": numpy.random.rand()}


def raises(channel: Any) -> None:
    raise ValueError("no roads here")


def sys_exit(channel: Any) -> None:
    sys.exit(3)


def os_exit(channel: Any) -> None:
    channel.send("last words")
    os._exit(3)


def segfault(channel: Any) -> None:
    ctypes.string_at(0)


def abort(channel: Any) -> None:
    os.abort()


def sleep(channel: Any, seconds: float = 300) -> dict[str, Any]:
    channel.send("pid", os.getpid())
    time.sleep(seconds)
    return {}


def hold_the_gil(channel: Any) -> None:
    channel.send("pid", os.getpid())
    sum(range(10**12))


def native_code(channel: Any) -> None:
    points = shapely.points(numpy.random.default_rng(1).random((200_000, 2)))
    channel.send("pid", os.getpid())
    shapely.buffer(points, 0.1, quad_segs=256)


def with_process(channel: Any, wait: float, way: str) -> dict[str, Any]:
    """Start a process: a plain ``child``, in its own ``session``, or a ``daemon`` without its parent."""
    if way == "daemon":
        pid = int(subprocess.check_output([sys.executable, "-S", "-c", START_DAEMON, *SLEEP]))
    else:
        pid = subprocess.Popen(SLEEP, start_new_session=way == "session").pid
    channel.send("pid", pid)
    time.sleep(wait)
    return {"pid": os.getpid()}


def hog(channel: Any, megabytes: int, unbound: bool = False) -> dict[str, Any]:
    if unbound:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    blocks = []
    for _ in range(megabytes // 16):
        blocks.append(numpy.ones(16 << 17))
        time.sleep(0.01)
    return {"pid": os.getpid()}


def geos_hog(channel: Any) -> None:
    points = shapely.points(numpy.random.default_rng(1).random((400_000, 2)))
    shapely.buffer(points, 0.1, quad_segs=256)


def leak(channel: Any, megabytes: int) -> dict[str, Any]:
    kept.append(numpy.ones(megabytes << 17))
    return {"pid": os.getpid()}


def cooperate(channel: Any) -> dict[str, Any]:
    channel.send("pid", os.getpid())
    while not channel.cancelled():
        time.sleep(0.001)
    channel.send("stopped by itself")
    return {}


def say_much(channel: Any, megabytes: int, pause: float = 0) -> dict[str, Any]:
    channel.send("pid", os.getpid())
    time.sleep(pause)
    channel.send("much", "x" * (megabytes << 20))
    return {}


def stop(channel: Any) -> dict[str, Any]:
    """Stand still as a whole, as under a debugger."""
    os.kill(os.getpid(), 19)
    return {}
