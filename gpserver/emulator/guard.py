"""Who may ask for what is under ``/emulator``: no page of somebody else's in a browser."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope


def objection(scope: Scope) -> str:
    """Why a request is not answered; empty where it is.

    A name of the internet's that leads to loopback was made by a page that wants to reach what only this
    machine should (DNS rebinding). Browsers say where a page that sends something is from.
    """
    headers = Headers(scope=scope)
    host, origin = headers.get("host", ""), headers.get("origin", "")
    name = urlsplit(f"//{host}").hostname or ""
    server = scope.get("server") or ("", 0)
    if _address(server[0]) == "loopback" and not (_address(name) or _is_local(name)):
        return f"This server is on loopback and not called {name}: ask http://127.0.0.1:{server[1]}."
    if origin and urlsplit(origin).netloc != host:
        return f"Only pages of this server's own may ask this, not those of {origin}."
    return ""


def _address(name: str) -> str:
    try:
        return "loopback" if ip_address(name).is_loopback else "address"
    except ValueError:
        return ""


def _is_local(name: str) -> bool:
    return "." not in name or name.endswith(".localhost")
