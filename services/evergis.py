"""The tasks of EverGIS' scheduler: geoprocessing over named layers, asked for by JSON bodies."""

from gpserver import Service
from gpserver.evergis.subtasks import run_subtasks
from gpserver.evergis.tasks import TASKS

scheduler = Service("Scheduler", folder="EverGIS", tasks=(*TASKS, run_subtasks), time_limit=3600)
