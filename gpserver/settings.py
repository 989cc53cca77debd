"""What an operator may set: command line over GPSERVER_* variables over gpserver.toml over the defaults."""

import os
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    """A folder that comes with gpserver: inside the installed package, or beside it in a checkout."""
    places = {"services": _PACKAGE.parent / "services", "data": _PACKAGE.parent / "examples" / "data"}
    installed = _PACKAGE / "shipped" / name
    return installed if installed.is_dir() else places[name]


SHIPPED_SERVICES = _shipped("services")
EXAMPLE_DATA = _shipped("data")


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults; every one is a key of gpserver.toml and a GPSERVER_ variable."""

    host: str = "127.0.0.1"
    port: int = 6080
    """0 takes any free port."""
    services: Path = SHIPPED_SERVICES
    """The folder whose Python files are published."""
    data: Path = Path("gpserver-data")
    """Jobs, their database, and bodies on their way in."""
    layers: str = field(default="", repr=False)
    """Where named layers are kept: a folder, or the postgresql:// URL of a PostGIS database; empty for the
    folder layers in the data folder."""
    public_url: str = ""
    """Scheme and host that clients see, where a proxy does not say it in X-Forwarded headers."""
    results: str = field(default="", repr=False)
    """``s3://bucket/prefix``, ``gs://…``, ``az://…`` or ``file:///…``: an object store for inputs and results
    of jobs and for uploads; empty for the data folder. Its query may name settings (endpoint …)."""
    results_cache: int = 2_000_000_000
    """Bytes that a server keeps on its disk of what it read in the object store."""
    store: str = field(default="", repr=False)
    """``postgresql://…`` of a database that several machines share; empty for a file in the data folder."""
    lease: float = 15.0
    """Seconds of silence after which the jobs of a machine are taken over, where several share them."""
    drain: float = 30.0
    """Seconds that running jobs get when the process is told to stop; then those that may run again go back
    to the queue, and the others fail. Whoever stops it must wait longer before it kills."""
    slots: int = max(2, os.cpu_count() or 2)
    """Jobs that run at once."""
    start_method: str = ""
    """How workers come to life: fork (from a warm parent), spawn, or empty for what suits the system."""
    max_queued: int = 10_000
    """Jobs that may wait; a submit beyond it is refused."""
    max_queued_each: int = 1_000
    """Jobs of one user who signed in that may wait."""
    min_free: int = 200_000_000
    """Bytes of the data folder's disk below which no job, large body or file is taken."""
    max_body: int = 200_000_000
    """Bytes of one request's body."""
    max_bodies: int = 100
    """Bodies over 64 kB that are received at the same time; one beyond it is refused before it is read."""
    max_bodies_each: int = 20
    """Those of one user who signed in."""
    max_receiving: int = 10_000_000_000
    """Bytes of all bodies that are received at the same time."""
    max_receiving_each: int = 4_000_000_000
    """Bytes of those of one user who signed in."""
    max_upload: int = 2_000_000_000
    """Bytes of one uploaded file, in one piece or in parts."""
    max_uploads: int = 100_000_000_000
    """Bytes of all uploaded files that are kept, and as many of the files in EverGIS' catalogue."""
    max_uploads_each: int = 20_000_000_000
    """Bytes of those of one user who signed in."""
    upload_types: tuple[str, ...] = (
        *("json", "geojson", "pbf", "txt", "csv", "zip", "gpkg", "kml", "kmz", "gpx"),
        *("tif", "tiff", "img", "png", "jpg", "xls", "xlsx", "xml", "pdf"),
    )
    """File name extensions that may be uploaded."""
    fetch_allowed: tuple[str, ...] = ()
    """Hosts, addresses and networks besides the public internet that inputs by URL may come from, such as
    10.1.0.0/16, or this server itself as 127.0.0.1:6080."""
    fetch_size: int = 200_000_000
    """Bytes that one job may fetch by URL."""
    fetch_seconds: float = 120
    """How long one job may take to fetch."""
    job_lifetime: float = 6 * 3600
    """Seconds that a finished job and its results stay, and an uploaded file."""
    max_jobs: int = 0
    """Finished jobs that stay, the oldest go first; 0 for any number. Pinned ones count, and never go."""
    max_bytes: int = 0
    """Bytes that the files of finished jobs may take, the oldest go first; 0 for any number."""
    execute_wait: float = 600
    """Seconds after which a synchronous call is given up."""
    waiting_status: bool = False
    """Whether a job that finds no room is told as esriJobWaiting; some clients stop to poll then."""
    current_version: float = 11.1
    """The ArcGIS version that clients are told."""
    log_format: str = "text"
    """text, or json for one object in each line."""
    log_level: str = "info"
    """debug, info, warning or error: what is less grave is not logged."""
    access_log: bool = False
    """Whether every request is a line of the log, without its query."""
    metrics_token: str = field(default="", repr=False)
    """The Bearer token that /metrics asks for; empty: open, or for administrators where there are users."""
    metrics_port: int = 0
    """Where `gpserver worker` answers /metrics, /healthz and /readyz; 0 for nowhere."""
    debug: bool = False
    """Whether clients see the traceback of a failed task."""
    users: dict[str, Any] = field(default_factory=dict)
    """Who may sign in: tables of ``password``, a hash, and ``roles``; with one of them tokens are on."""
    access: dict[str, Any] = field(default_factory=dict)
    """The roles that may use a ``Folder``, a ``Folder/Service``, or ``*``, which is all others."""
    token_key: str = field(default="", repr=False)
    """What tokens are signed with; empty for a key that is made once in the data folder."""
    token_lifetime: int = 24 * 60
    """Minutes that a token is good for at most."""
    trusted_origins: tuple[str, ...] = ()
    """Origins whose pages may use the cookie of a signed-in user."""


def load_settings(
    given: Mapping[str, Any], environment: Mapping[str, str] = os.environ, file: Path = Path("gpserver.toml")
) -> Settings:
    """Read the settings.

    Args:
        given: What the command line says; None values are not given.
        environment: Where the ``GPSERVER_*`` variables are.
        file: The settings file; it need not exist.

    Raises:
        ValueError: A key that no setting has, or a value of the wrong type.
    """
    values: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
    values |= {
        name.removeprefix("GPSERVER_").lower(): value
        for name, value in environment.items()
        if name.startswith("GPSERVER_")
    }
    values |= {name: value for name, value in given.items() if value is not None}
    kinds = typing.get_type_hints(Settings)
    if unknown := sorted(values.keys() - kinds.keys()):
        known = ", ".join(field.name for field in fields(Settings))
        raise ValueError(f"There is no setting {', '.join(unknown)}; there are {known}.")
    return Settings(**{name: _read(name, value, kinds[name]) for name, value in values.items()})


def _read(name: str, value: Any, kind: type) -> Any:
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if typing.get_origin(kind) is tuple:
            texts = value.split(",") if isinstance(value, str) else value
            return tuple(stripped for text in texts if (stripped := str(text).strip()))
        return kind(value)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"The setting {name} is not a {kind.__name__}: {value!r}.") from None
