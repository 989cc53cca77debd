"""Where what the settings name is: files of jobs, named layers, hosts to fetch from."""

from pathlib import Path

from gpserver.addresses import Reach
from gpserver.layers import Place, is_database
from gpserver.results.place import Files, open_files
from gpserver.security import ADMINISTRATORS, read_users
from gpserver.settings import Settings


def files_of(settings: Settings, home: Path) -> Files:
    """Where files of jobs and uploads rest.

    Args:
        settings: They say it.
        home: The folder of this process.
    """
    return open_files(
        settings.results,
        settings.data.resolve(),
        home,
        most_cached=settings.results_cache,
        most_upload=settings.max_upload,
        types=settings.upload_types,
    )


def layers_of(settings: Settings) -> Place:
    """Where the named layers of a data folder are, and who may change them."""
    users = read_users(settings.users).values()
    administrators = tuple(user.name for user in users if ADMINISTRATORS in user.roles)
    folder = str(settings.data.resolve() / "layers")
    where = settings.layers or folder
    location = where if is_database(where) else str(Path(where).resolve())
    space = settings.max_uploads, settings.max_uploads_each
    return Place(location, folder, bool(settings.users), administrators, *space)


def reach_of(settings: Settings) -> Reach:
    """What one job may fetch."""
    return Reach(settings.fetch_allowed, settings.fetch_size, settings.fetch_seconds)
