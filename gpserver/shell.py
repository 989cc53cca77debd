"""Run and describe tasks, and publish layers, from the shell, on local files, without a server."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import orjson
import pandas
from tqdm import tqdm

from gpserver.catalog import Catalog
from gpserver.context import JobContext
from gpserver.errors import GPServerError, NotFound
from gpserver.job import Message, MessageType, Progress
from gpserver.layers import Place
from gpserver.layers.files import read_file
from gpserver.layers.options import FileOptions
from gpserver.parameter import Parameter
from gpserver.publishing import Service, Task
from gpserver.rasters import read_raster

_READERS = {
    "GPFeatureRecordSetLayer": geopandas.read_file,
    "GPRecordSet": lambda path: pandas.DataFrame(geopandas.read_file(path, ignore_geometry=True)),
    "GPDataFile": Path,
    "GPRasterDataLayer": read_raster,
    "GPRasterData": read_raster,
}


def run(services: Path, name: str, words: Sequence[str]) -> int:
    """Run one task here and now.

    Args:
        services: The folder of service files.
        name: ``Task``, ``Service/Task`` or ``Folder/Service/Task``.
        words: ``--Parameter value`` pairs; a value is what a client would send, or the path of a file that
            holds the features or the table. ``--output PATH`` takes the first feature, table or file output.

    Raises:
        GPServerError: There is no such task, or a value cannot be read.
    """
    task = _find(_load(services), name)
    options = vars(_parser(task, name).parse_args(words))
    arguments = {item.argument: _argument(item, options[item.argument]) for item in task.inputs}
    output: Path | None = options["output"]
    with tempfile.TemporaryDirectory(prefix="gpserver-") as scratch:
        values = task.results(_call(task, arguments, Path(scratch)))
        for parameter in task.outputs:
            value = values.get(parameter.name)
            if output and isinstance(value, pandas.DataFrame | Path):
                _write(value, output)
                value, output = output, None
            print(f"{parameter.name}: {_shown(parameter, value)}")
    return 0


def publish(place: Place, file: Path, name: str, options: FileOptions) -> None:
    """Make a named layer of a file, while the server runs or not.

    Raises:
        GPServerError: The file cannot be read, or the name is taken or cannot be.
        OSError: There is no such file.
    """
    layers = place.open()
    info = layers.write(name, read_file(file, options))
    what = f"{info.geometry_type or 'geometries'} in {info.sr_id}" if info.geometry_attribute else "a table"
    print(f"{info.name}: {info.count:,} rows, {what}")
    layers.close()


def describe(services: Path) -> int:
    """Print every service, task and parameter; returns 1 if a file does not load."""
    catalog = _load(services)
    for folder in ["", *catalog.folders()]:
        for service in catalog.services(folder):
            _describe(service)
    for file, text in catalog.errors.items():
        print(f"{file} does not load: {text}", file=sys.stderr)
    return 1 if catalog.errors else 0


def _load(services: Path) -> Catalog:
    if not services.is_dir():
        raise GPServerError(f"There is no folder {services}. Name one with --services.")
    catalog = Catalog(services.resolve())
    catalog.refresh()
    return catalog


def _find(catalog: Catalog, name: str) -> Task:
    service, _, task = name.rpartition("/")
    try:
        return catalog.task(service, task) if service else catalog.unique_task(task)[1]
    except NotFound as error:
        raise GPServerError(f"{error} `gpserver describe` lists what there is.") from None


def _parser(task: Task, name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"gpserver run {name}", description=task.description)
    for item in task.inputs:
        choices = f" One of {', '.join(item.choice_list)}." if item.choices else ""
        help_text = f"{item.data_type.name}. {item.description}{choices}".replace("%", "%%")
        flags = dict.fromkeys([f"--{item.name}", f"--{item.argument.replace('_', '-')}"])
        parser.add_argument(*flags, dest=item.argument, required=item.required, help=help_text)
    parser.add_argument("--output", type=Path, help="file for the first feature, table or file output")
    return parser


def _argument(parameter: Parameter, text: str | None) -> Any:
    reader = _READERS.get(parameter.data_type.name)
    if text and reader and Path(text).is_file():
        return reader(Path(text))
    return parameter.read(text)


def _call(task: Task, arguments: dict[str, Any], scratch: Path) -> Any:
    with tqdm(total=100, unit="%", leave=False, disable=not sys.stderr.isatty()) as bar:
        context = JobContext(lambda event: _tell(bar, event), scratch)
        with context.logging():
            return task.function(context, **arguments) if task.wants_context else task.function(**arguments)


def _tell(bar: Any, event: Message | Progress) -> None:
    if isinstance(event, Progress):
        bar.set_description_str(event.text)
        bar.update((event.percent or 0) - bar.n)
    else:
        label = "" if event.type is MessageType.INFORMATIVE else f"{event.type.upper()}: "
        bar.write(f"{label}{event.text}", file=sys.stderr)


def _write(value: pandas.DataFrame | Path, output: Path) -> None:
    if isinstance(value, Path):
        shutil.copyfile(value, output)
    elif isinstance(value, geopandas.GeoDataFrame):
        value.to_file(output)
    else:
        value.to_csv(output, index=False)


def _shown(parameter: Parameter, value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, pandas.DataFrame):
        return f"{len(value)} rows (name a file with --output to keep them)"
    return orjson.dumps(parameter.data_type.encode(value)).decode()


def _describe(service: Service) -> None:
    mode = "synchronous" if service.synchronous else "asynchronous"
    print(f"{service.full_name} ({mode})  {service.description.partition(chr(10))[0]}")
    for task in service.tasks:
        print(f"  {task.name}")
        for item in task.parameters:
            arrow = "->" if item.direction == "output" else "  "
            default = "" if item.default is None else f" = {item.default}"
            print(f"    {arrow} {item.name}: {item.data_type.name}{default}")
