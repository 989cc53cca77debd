"""Procrastinate's own tables: made, and brought up to date with the Procrastinate that is installed."""

from pathlib import Path

from procrastinate.schema import SchemaManager

from gpserver.errors import GPServerError
from gpserver.migration import Upgrade, upgrading
from gpserver.shared import SharedDatabase

_PART = "tickets"
_FIRST = 30400  # what was there before versions were written down


def make_carrier(database: SharedDatabase) -> None:
    """Make the tables where they are missing.

    Raises:
        GPServerError: They are older than the Procrastinate that is installed.
    """
    with upgrading(database, _PART) as found:
        if 0 < _versions(found)[0] < _newest():
            raise GPServerError(
                "The tables of tickets in the database are older than procrastinate: run `gpserver migrate`."
            )
        _bring_up(found)


def migrate_carrier(database: SharedDatabase) -> str:
    """Bring the tables up to date; returns what was done, for people.

    Each version of Procrastinate has scripts that come before its code (``pre``), and such that take away
    what only older code uses (``post``). Machines with the older code go on meanwhile, so these wait for the
    next migration.
    """
    with upgrading(database, _PART) as found:
        before, _ = _versions(found)
        _bring_up(found)
    return (
        f"{_PART}: version {before or 'none'} -> {_newest()}"
        if before < _newest()
        else (f"{_PART}: version {before}, nothing to do")
    )


def _bring_up(found: Upgrade) -> None:
    (version, contracted), newest = _versions(found), _newest()
    if version >= newest:
        return
    if not version:
        found.cursor.script(SchemaManager.get_schema())
        found.leave(newest, newest)
        return
    for each, stage, path in _scripts():
        overdue = stage == "post" and contracted < each <= version
        if overdue or (stage != "post" and each > version):
            found.cursor.script(path.read_text("utf-8"))
    found.leave(newest, version)


def _versions(found: Upgrade) -> tuple[int, int]:
    """The version that the tables have, and the one up to which what is old was taken away; 0 without any."""
    if found.version:
        return found.version, found.oldest
    there = found.cursor.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL").fetchone()[0]
    return (_FIRST, _FIRST) if there else (0, 0)


def _scripts() -> list[tuple[int, str, Path]]:
    """Version (30400 for 3.4.0), stage and file of each of Procrastinate's migrations, in their order."""
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    parts = [(file.name.split("_"), file) for file in files]
    return [(int(name[0].replace(".", "")), name[2], file) for name, file in parts]


def _newest() -> int:
    return _scripts()[-1][0]
