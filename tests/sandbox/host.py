"""A program with a sandbox, to be killed: runs a busy job with a process of its own, and tells of it."""

import sys
import threading

from sandbox.recorder import Recorder

pool = Recorder(start_method=sys.argv[1])
job = pool.submit("with_process", wait=300, way=sys.argv[2])
pool.pid(job)
print("busy", flush=True)
threading.Event().wait()
