"""Runs what a client is to be tried with, for scripts in interpreters of their own."""

import json
import traceback


def run_all(scenarios):
    """Print what came of each scenario as JSON, by its name; ``{"thrown": traceback}`` where it raised."""
    print(json.dumps({scenario.__name__: _outcome(scenario) for scenario in scenarios}, default=str))


def _outcome(scenario):
    try:
        return scenario()
    except Exception:
        return {"thrown": traceback.format_exc()}
