"""From a file or a recorded service of the services folder to the services that it declares."""

import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from zlib import crc32

from gpserver import canned
from gpserver.errors import PublishingError
from gpserver.naming import task_name
from gpserver.publishing import Service, Task, task_of

Stamp = tuple[int, int, int]

_UNREADABLE: Stamp = (0, 0, 0)

_PREFIX = "gpserver_service_"
# Helper modules such as _geometry.py have short names, so only one services folder can own them at a time.
_owner: dict[str, Path] = {}


def scan(root: Path, imported: Iterable[str] = ()) -> dict[str, Stamp]:
    """Give a stamp of each Python file and recorded service of a folder and of its sub-folders, by its path.

    Asked at every request, so it makes one system call per folder and one per file.

    Args:
        root: The folder.
        imported: Further files within it, however deep.

    Raises:
        OSError: The folder is not there, or cannot be read.
    """
    found: dict[str, Stamp] = {}
    _add_files(found, str(root), "")
    for path in imported:
        if path not in found:
            # An editor may be about to put another file in the place of this one.
            with suppress(OSError):
                found[path] = _stamp(os.stat(f"{root}/{path}"))  # noqa: PTH116 (a Path costs more than the call)
    return found


def _add_files(found: dict[str, Stamp], folder: str, prefix: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name[0] == "." or entry.name == "__pycache__":
                continue
            if entry.name.endswith(".py"):
                with suppress(FileNotFoundError):
                    found[prefix + entry.name] = _stamp_of(entry)
                continue
            with suppress(OSError):
                if entry.name.endswith(canned.SUFFIX):
                    found[prefix + entry.name] = _stamp_of_folder(entry.path)
                elif not prefix and entry.is_dir():
                    _add_files(found, entry.path, f"{entry.name}/")


def _stamp_of(entry: "os.DirEntry[str]") -> Stamp:
    try:
        return _stamp(entry.stat())
    except FileNotFoundError:
        raise
    except OSError:  # whoever loads it says what is wrong
        return _UNREADABLE


def _stamp_of_folder(folder: str) -> Stamp:
    """The stamps of a folder and of its JSON files, added up."""
    stamps = [_stamp(os.stat(folder))]  # noqa: PTH116 (as above)
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                stamps += [_stamp_of(entry)] if entry.name.endswith(".json") else []
    times, sizes, files = zip(*stamps, strict=True)
    return sum(times), sum(sizes), sum(files)


def _stamp(facts: os.stat_result) -> Stamp:
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def is_helper(path: str) -> bool:
    """Whether a file publishes nothing itself: its name or its folder's begins with an underscore."""
    return path.startswith("_") or "/_" in path


class _Source(SourceFileLoader):
    """Compiles the text itself: a cached compilation is told apart by whole seconds and the size only."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def load(root: Path, path: str) -> tuple[Service, ...]:
    """Run one file and give its services, or read a recorded one.

    Args:
        root: The services folder.
        path: The file within it, ``proximity.py``, ``Folder/proximity.py`` or ``Proximity.GPServer``.

    Raises:
        BaseException: Whatever the file raises; the module that was loaded before stays in place.
    """
    file = root / path
    if path.endswith(canned.SUFFIX):
        return (canned.read(file, path.rpartition("/")[0]),)
    if not file.is_file():  # to open a pipe would take for ever
        raise PublishingError("It is no file that can be read.", "Put a Python file in its place.")
    name = f"{_PREFIX}{file.stem}_{crc32(str(file).encode()):08x}"
    spec = spec_from_file_location(name, file, loader=_Source(name, str(file)))
    if spec is None or spec.loader is None:
        raise PublishingError("The file is not Python.", "Give it a name that ends in .py.")
    module, before = module_from_spec(spec), sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        return _services(module, file.stem, path.rpartition("/")[0])
    except BaseException:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise


def _services(module: ModuleType, stem: str, folder: str) -> tuple[Service, ...]:
    declared: dict[int, Service] = {}
    tasks: dict[int, Task] = {}
    for value in vars(module).values():
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, Service):
                declared[id(item)] = item
        if found := task_of(value):
            tasks[id(found)] = found
    services = tuple(
        replace(
            service,
            name=service.name or task_name(stem),
            tasks=service.tasks or tuple(tasks.values()),
            folder=service.folder or folder,
            description=service.description or (module.__doc__ or "").strip(),
        )
        for service in declared.values() or (Service(),)
    )
    if not all(service.tasks for service in services):
        raise PublishingError(
            "It publishes no task.",
            "Put @task above a function, or begin the file's name with an underscore.",
        )
    return services


@contextmanager
def importing_from(root: Path) -> Iterator[None]:
    """Let files import helper modules of the services folder meanwhile, always from their newest text."""
    for name in [name for name, owner in _owner.items() if owner != root]:
        sys.modules.pop(name, None)
        del _owner[name]
    importlib.invalidate_caches()
    before, caching = set(sys.modules), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.append(str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = caching
        for name in set(sys.modules) - before:
            if _file(sys.modules[name]).is_relative_to(root) and not name.startswith(_PREFIX):
                _owner[name] = root


def imported_from(root: Path) -> set[str]:
    """Give the files that were imported from the services folder, by their paths within it."""
    modules = (sys.modules.get(name) for name, owner in _owner.items() if owner == root)
    return {_file(module).relative_to(root).as_posix() for module in modules if module}


def forget_imports(root: Path) -> None:
    """Have helper modules imported anew by the next load."""
    for name in [name for name, owner in _owner.items() if owner == root]:
        sys.modules.pop(name, None)
        del _owner[name]


def _file(module: object) -> Path:
    return Path(getattr(module, "__file__", None) or "/")
