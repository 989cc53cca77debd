"""Prototypes of runs: kept, started by hand or by the clock, and what became of their runs."""

from gpserver.schedules.cron import next_time, read_cron
from gpserver.schedules.prototype import Prototype, Run, TaskResource, Timing

__all__ = ["Prototype", "Run", "TaskResource", "Timing", "next_time", "read_cron"]
