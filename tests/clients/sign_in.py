"""Runs scenarios of arcgis for Python that signs in by name and password; prints what came of each, as JSON.

It runs in the environment of its own that setup.sh makes.
Usage: python sign_in.py <https URL of the site>
"""

import sys
import warnings
from types import SimpleNamespace

import arcgis
from arcgis.geoprocessing import import_toolbox
from arcgis.gis import GIS
from arcgis.gis._impl._con import Connection
from arcgis.gis.server import ServicesDirectory, ServiceWebHookManager
from scenarios import run_all

SITE = sys.argv[1]
SECRET = f"{SITE}/rest/services/Secure/Secret/GPServer"
warnings.simplefilter("ignore")  # of urllib3: nobody signed the certificate


class Site(GIS):
    """A GIS would ask for a portal; this is what it keeps of one, signed in to the server."""

    def __init__(self, name, password):
        self._con = Connection(SITE, username=name, password=password, verify_cert=False)
        self._session = self._con._session
        self._portal = SimpleNamespace(is_kubernetes=False)


def directory(name, password):
    return ServicesDirectory(f"{SITE}/rest/services", username=name, password=password, verify_cert=False)


def listed():
    """What the directory lists for a user with the role, and for one without."""
    return {name: directory(name, name[::-1]).folders for name in ("ann", "eve")}


def signed_in():
    """A task of a secured service runs for the user, and its map is queried."""
    arcgis.env.active_gis = Site("ann", "nna")
    tools = import_toolbox(SECRET)
    [layer] = tools.mark(7, 8).layers
    [feature] = layer.query().features
    return [feature.geometry["x"], feature.geometry["y"]]


def wrong_password():
    try:
        Site("ann", "wrong")._session.get(SECRET, params={"f": "json"})
    except Exception as error:
        return str(error)
    raise AssertionError("it should have failed")


def webhooks():
    """An administrator makes a webhook, changes, switches and deletes it; what it was after each step."""
    manager = ServiceWebHookManager(
        f"{SITE}/admin/services/Public.GPServer/webhooks", con=Site("root", "toor")._con
    )
    hook = manager.create("mine", "https://8.8.8.8/hook", signature_key="secret", active=True)
    seen = [manager.list[0].properties["name"], hook.edit(name="other")["name"]]
    seen += [manager.disable_hooks(), manager.list[0].properties["active"], manager.enable_hooks()]
    return [*seen, hook.delete(), len(manager.list), manager.delete_all_hooks()]


run_all([listed, signed_in, wrong_password, webhooks])
