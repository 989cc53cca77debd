"""`gpserver emulate`: an emulated server as a process of its own."""

import json
import os
import signal
import threading
from argparse import Namespace

from gpserver import logs
from gpserver.emulator.admin import PREFIX
from gpserver.emulator.emulator import Emulator
from gpserver.emulator.scenario import Scenario, read_scenario
from gpserver.emulator.serving import Served
from gpserver.settings import Settings


def run_emulate(settings: Settings, options: Namespace) -> int:
    """Be an emulated server until told to stop; says so in one line of JSON once it answers.

    Raises:
        GPServerError: The scenario cannot be read, or the port cannot be used.
    """
    logs.set_up(settings.log_format, settings.log_level)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    scenario = read_scenario(options.scenario) if options.scenario else Scenario()
    served = Served(Emulator(settings, scenario), settings.host, settings.port)
    served.start()
    url = served.url
    places = {"url": url, "services": f"{url}/arcgis/rest/services", "admin": url + PREFIX}
    print(json.dumps({"ready": True, **places, "pid": os.getpid()}), flush=True)
    told.wait()
    served.close()
    return 0
