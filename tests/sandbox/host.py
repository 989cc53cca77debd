"""A program with a sandbox, to be killed: runs two busy jobs with processes of their own, and tells of it."""

import sys
import threading

from sandbox.recorder import Recorder

pool = Recorder(start_method=sys.argv[1])
for way in ("child", "daemon"):
    pool.pid(pool.submit("with_process", wait=300, way=way))
print("busy", flush=True)
threading.Event().wait()
