"""The command line: gpserver serve | worker | jobs | migrate | run | record | replay | diff | …"""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gpserver.errors import GPServerError
from gpserver.settings import Settings, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options, rest = _parser().parse_known_args(words)
    try:
        settings = load_settings({name: getattr(options, name, None) for name in _SETTINGS})
        return int(options.command(settings, options, rest))
    except (GPServerError, ValueError, OSError) as error:
        print(f"gpserver: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


_SETTINGS = (
    "host",
    "port",
    "services",
    "data",
    "layers",
    "public_url",
    "store",
    "slots",
    "start_method",
    "debug",
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpserver", description="Publish Python functions as ArcGIS geoprocessing services."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands.add_parser("serve", help="start the server"))
    worker = commands.add_parser("worker", help="run jobs of a shared database on this machine")
    _add_services(worker)
    worker.add_argument("--data", type=Path, help="folder of jobs and results that all machines see")
    worker.add_argument("--slots", type=int, help=f"jobs that run at once (default {Settings.slots})")
    worker.add_argument("--store", help="postgresql:// URL of the database of jobs")
    worker.set_defaults(command=_work)
    _add_jobs(commands.add_parser("jobs", help="look after the jobs of a server, while it runs or not"))
    migrating = commands.add_parser(
        "migrate", help="bring a shared database up to date, while machines go on"
    )
    migrating.add_argument("--store", help="postgresql:// URL of the database of jobs")
    migrating.set_defaults(command=_migrate)
    run = commands.add_parser("run", help="run one task on local files", add_help=False)
    run.add_argument("task", nargs="?", default="", help="Task, Service/Task or Folder/Service/Task")
    _add_services(run)
    run.set_defaults(command=_run)
    describe = commands.add_parser("describe", help="list the services, tasks and parameters of a folder")
    _add_services(describe)
    describe.set_defaults(command=_describe)
    _add_import(commands.add_parser("import", help="publish a file as a named layer"))
    _add_emulate(commands.add_parser("emulate", help="be a server for tests: scripted, and put back at will"))
    _add_record(commands.add_parser("record", help="be a proxy before a real server, and keep what was said"))
    _add_replay(commands.add_parser("replay", help="serve what was recorded, without the real server"))
    _add_diff(commands.add_parser("diff", help="compare what was recorded with a server"))
    hashing = commands.add_parser("hash-password", help="make the hash of a password for gpserver.toml")
    hashing.set_defaults(command=_hash_password)
    return parser


def _add_services(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--services", type=Path, help="folder of Python files to publish")


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, help=f"folder of the server (default {Settings.data})")
    common.add_argument("--store", help="postgresql:// URL of the database of jobs")
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    listing = actions.add_parser("list", parents=[common], help="the jobs, the youngest first")
    listing.add_argument("--service", default="", help="Service or Folder/Service")
    listing.add_argument("--state", default="", help="queued, running, failed, …; several by comma")
    listing.add_argument("--user", help="who submitted it; empty for nobody in particular")
    listing.add_argument("--since", default="", help="12h, 2d, or 2026-01-31T12:00")
    listing.add_argument("--limit", type=int, default=50, help="how many (default 50)")
    showing = actions.add_parser("show", parents=[common], help="a job with its messages and results")
    showing.add_argument("id", metavar="ID")
    for action in (listing, showing):
        action.add_argument("--json", action="store_true", help="for machines")
    for name, help_text in (
        ("cancel", "stop jobs"),
        ("delete", "delete jobs with their files; those that run are stopped first"),
        ("pin", "keep jobs for good"),
        ("unpin", "let jobs go when their time comes"),
    ):
        action = actions.add_parser(name, parents=[common], help=help_text)
        action.add_argument("ids", metavar="ID", nargs="+")
    purging = actions.add_parser("purge", parents=[common], help="delete ended jobs, but not pinned ones")
    purging.add_argument("--service", default="", help="Service or Folder/Service")
    purging.add_argument("--older-than", default="", help="that ended longer ago: 45s, 30m, 12h, 2d")
    parser.set_defaults(command=_jobs)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="CSV, XLSX, GeoJSON, GeoPackage, KML, MapInfo, or a zip")
    parser.add_argument("name", help="namespace.name, such as networks.car")
    parser.add_argument("--data", type=Path, help=f"folder of the server (default {Settings.data})")
    parser.add_argument("--layers", help="folder of layers, or the URL of a PostGIS database")
    parser.add_argument("--layer", default="", help="which layer of the file (default the first)")
    parser.add_argument("--coordinates", default="", help="columns of a table: x,y, or one of WKT")
    parser.add_argument("--epsg", type=int, help="of the coordinates, where the file does not say")
    parser.set_defaults(command=_import)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    _add_services(parser)
    parser.add_argument("--host", help=f"address to listen on (default {Settings.host})")
    parser.add_argument("--port", type=int, help=f"port; 0 takes a free one (default {Settings.port})")
    parser.add_argument("--data", type=Path, help=f"folder for jobs and results (default {Settings.data})")
    parser.add_argument("--store", help="postgresql:// URL of a database of jobs that several machines share")
    parser.add_argument("--public-url", help="scheme and host that clients see, behind a proxy")
    parser.add_argument("--slots", type=int, help=f"jobs that run at once (default {Settings.slots})")
    parser.add_argument("--start-method", choices=["fork", "spawn"], help="how workers are started")
    parser.add_argument("--debug", action="store_true", default=None, help="show tracebacks to clients")
    parser.add_argument("--demo", action="store_true", help="run a task once to show how it goes, then serve")
    parser.set_defaults(command=_serve)


def _add_emulate(parser: argparse.ArgumentParser) -> None:
    _add_services(parser)
    parser.add_argument("--host", help=f"address to listen on (default {Settings.host})")
    parser.add_argument("--port", type=int, help=f"port; 0 takes a free one (default {Settings.port})")
    parser.add_argument("--scenario", type=Path, help="TOML or JSON: what it is like after each reset")
    parser.set_defaults(command=_emulate)


def _add_record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", required=True, metavar="URL", help="of the real services")
    parser.add_argument("--to", type=Path, required=True, metavar="CASSETTE", help="a HAR file to write")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--redact", action="append", default=[], metavar="NAME", help="a field whose values are personal"
    )
    parser.add_argument("--redact-geometry", action="store_true", help="move all coordinates")
    parser.add_argument("--insecure", action="store_true", help="believe any certificate")
    parser.set_defaults(command=_record)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cassette", type=Path, help="a recording, or a HAR file of a browser")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    parser.add_argument("--match", choices=["exact", "fuzzy"], default="exact", help="or the nearest request")
    parser.add_argument("--speed", type=float, default=0.0, help="0: at once, 1: as recorded")
    parser.set_defaults(command=_replay)


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cassette", type=Path, help="a recording, or a HAR file of a browser")
    parser.add_argument("url", help="of the server, or of its services where they are at another place")
    parser.add_argument(
        "--token", default=os.environ.get("GPSERVER_TOKEN", ""), help="that lets in (default $GPSERVER_TOKEN)"
    )
    parser.add_argument("--user", default="", help="whose token it is, where requests name their sender")
    parser.add_argument("--user-agent", default="", help="to be sent (default: what was recorded)")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds for a job (default 600)")
    parser.add_argument("--insecure", action="store_true", help="believe any certificate")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(command=_diff)


def _serve(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    # Imported here so that `gpserver --help` does not wait for geopandas.
    from gpserver.demo import show
    from gpserver.serve import serve

    return serve(settings, on_ready=show if options.demo else None)


def _work(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.runner import work

    return work(settings)


def _jobs(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.jobs import run

    return run(settings, options)


def _migrate(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.app import migrate_tables

    print("\n".join(migrate_tables(settings)))
    return 0


def _run(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    from gpserver.shell import run

    return run(settings.services, options.task, rest)


def _describe(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.shell import describe

    return describe(settings.services)


def _import(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.layers.options import FileOptions
    from gpserver.places import layers_of
    from gpserver.shell import publish

    columns = tuple(filter(None, options.coordinates.split(",")))
    asked = FileOptions(
        options.layer, coordinates=columns, wkt=len(columns) == 1, spatial_reference=options.epsg
    )
    publish(layers_of(settings), options.file, options.name, asked)
    return 0


def _emulate(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.emulator.command import run_emulate

    return run_emulate(settings, options)


def _record(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.cassettes.commands import run_record

    return run_record(settings, options)


def _replay(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.cassettes.commands import run_replay

    return run_replay(settings, options)


def _diff(settings: Settings, options: argparse.Namespace, rest: list[str]) -> int:
    _refuse(rest)
    from gpserver.cassettes.commands import run_diff

    return run_diff(settings, options)


def _hash_password(_: Settings, __: argparse.Namespace, rest: list[str]) -> int:
    # Never on the command line, which others on the machine can see.
    _refuse(rest)
    from gpserver.security import hash_password

    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise ValueError("The two are not the same.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise ValueError("An empty password is none.")
    print(hash_password(password))
    return 0


def _refuse(rest: list[str]) -> None:
    if rest:
        raise ValueError(f"I do not know {' '.join(rest)}. Use --help to see what there is.")


if __name__ == "__main__":
    sys.exit(main())
