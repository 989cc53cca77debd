"""What a job of a recorded task results in: the files of a folder, read when it runs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gpserver.context import JobContext
from gpserver.datatypes import GPComposite, GPFeatureRecordSetLayer, GPRecordSet
from gpserver.errors import InvalidValue, TaskError
from gpserver.features.parse import read_json
from gpserver.parameter import Parameter

_MESSAGES = "messages.json"
# What a server says around a job's own messages; this one says it, too.
_USUAL = re.compile(
    r"Submitted\.|Executing\.\.\.|Start Time: .*|Cancel complete\.|Failed to execute \(.*\)\."
    r"|(Succeeded|Failed|Timed out)(\.| at .*)"
)
_SAID = "esriJobMessageType"


class Results:
    """The function of a recorded task.

    Args:
        folder: Where its results are.
        outputs: Which there should be.
    """

    def __init__(self, folder: Path, outputs: Sequence[Parameter]) -> None:
        self._folder, self._outputs = folder, outputs
        self.__name__ = folder.name

    def __call__(self, job: JobContext, **arguments: Any) -> tuple[Any, ...]:
        """Say what is to be said and give a value for each output, whatever the inputs.

        Raises:
            TaskError: The messages hold an error, or an output has no file that it could be read from.
        """
        self._say(job)
        problems, values = [], []
        for output in self._outputs:
            try:
                values.append(self._value(output))
            except InvalidValue as error:
                problems.append(f"{output.name}: {error}")
        if problems:
            raise TaskError("\n".join(problems))
        return tuple(values)

    def _say(self, job: JobContext) -> None:
        file = self._folder / _MESSAGES
        document = _document(file) if file.exists() else []
        said = document.get("messages") if isinstance(document, Mapping) else document
        if not isinstance(said, list) or not all(isinstance(each, Mapping) for each in said):
            raise TaskError(f"{self._shown(_MESSAGES)} has no list of messages; save …/jobs/<id>?f=json.")
        errors = []
        for each in said:
            text, kind = str(each.get("description", "")), str(each.get("type")).removeprefix(_SAID)
            if _USUAL.fullmatch(text):
                continue
            if kind in ("Error", "Abort"):
                errors.append(text)
            else:
                (job.warning if kind == "Warning" else job.info)(text)
        if errors:
            raise TaskError("\n".join(errors))

    def _value(self, output: Parameter) -> Any:
        kind, files = output.data_type, self._files(output)
        recorded = next((path for path in files if path.suffix.lower() == ".json"), None)
        if kind.refers and not isinstance(kind, GPFeatureRecordSetLayer | GPRecordSet):
            files = [path for path in files if path != recorded]
            return kind.load(files[0]) if files else self._nothing(output, recorded)
        if recorded is None:
            raise InvalidValue(f"There is no canned result. {self._advice(output, 'json')}")
        return self._read(output, recorded)

    def _read(self, output: Parameter, recorded: Path) -> Any:
        kind = output.data_type
        # Only the name of its type tells a composite value from those of others.
        value = _document(recorded) if isinstance(kind, GPComposite) else _value_in(recorded)
        # Even features that are none beyond their schema are a result.
        has_features = isinstance(value, Mapping) and "features" in value
        try:
            return kind.read(value) if kind.refers and has_features else kind.decode(value)
        except InvalidValue as error:
            raise InvalidValue(f"{self._shown(recorded.name)}: {error}") from error

    def _nothing(self, output: Parameter, recorded: Path | None) -> None:
        """A file that was recorded as not set; any other must be there itself."""
        if recorded is None or output.data_type.is_given(_value_in(recorded)):
            raise InvalidValue(f"There is no canned file. {self._advice(output, '<ending>')}")

    def _files(self, output: Parameter) -> list[Path]:
        start = f"{output.name}.".lower()
        there = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        return [path for path in there if path.name.lower().startswith(start)]

    def _advice(self, output: Parameter, ending: str) -> str:
        answer = f"the answer of …/jobs/<id>/results/{output.name}?f=json"
        what = answer if ending == "json" else f"the file that {answer} names"
        return f"Add {self._shown(f'{output.name}.{ending}')}: {what}."

    def _shown(self, file: str) -> str:
        """A file as whoever filled the folder knows it."""
        return f"{self._folder.parent.name}/{self._folder.name}/{file}"


def _value_in(file: Path) -> Any:
    """The value of a result as the server gave it, or that alone."""
    document = _document(file)
    whole = isinstance(document, Mapping) and "paramName" in document
    return document.get("value") if whole else document


def _document(file: Path) -> Any:
    try:
        return read_json(file.read_bytes())
    except InvalidValue as error:
        raise InvalidValue(f"{file.parent.name}/{file.name}: {error}") from error
