"""What the server says of itself: lines of text or JSON, with the job that they are about."""

import atexit
import logging
import os
import re
import threading
from contextvars import ContextVar
from typing import Any, TextIO

CALLER = "gpserver.caller"
"""The key of a request's scope under which its handler leaves the name of whoever sent it."""

_ABOUT: ContextVar[str] = ContextVar("job", default="")
_JOB = re.compile(r"\bjob (?:j)?([0-9a-f]{32})\b")

# Values that nobody but their owner may know, by their names in URLs, forms, JSON and headers; and the
# password of a URL.
_SECRET = re.compile(
    r"((?:token|_sk|password|passwd|secret|api_?key)\"?\s*[=:]\s*\"?|bearer\s+)[^&\s\"'\\,;]+"
    r"|(://[^/@:\s\"]*:)[^/@\s\"]+(?=@)",
    re.IGNORECASE,
)
_HINTS = ("token", "_sk", "passw", "secret", "key", "bearer", "://")
_QUIET = ("uvicorn", "procrastinate", "psycopg", "opentelemetry", "asyncio")
_LEVELS = ("debug", "info", "warning", "error")
_FORMATS = ("text", "json")
_OUTPUT = "gpserver.output"


def concern(job_id: str) -> None:
    """Whatever this coroutine, and threads that it asks, log from now on carries the id of a job."""
    _ABOUT.set(job_id)


def set_up(form: str = "text", level: str = "info") -> None:
    """Send what is logged to standard error, one line of JSON for each where that is wanted.

    With JSON, what native code, children and ``print`` write to standard output and error becomes lines of
    that form as well, so that every line can be parsed.

    Args:
        form: text or json.
        level: debug, info, warning or error.

    Raises:
        ValueError: There is no such form or level.
    """
    if level.lower() not in _LEVELS:
        raise ValueError(f"The setting log_level is one of {', '.join(_LEVELS)}: not {level!r}.")
    if form not in _FORMATS:
        raise ValueError(f"The setting log_format is one of {', '.join(_FORMATS)}: not {form!r}.")
    handler = logging.StreamHandler(_captured() if form == "json" else None)
    handler.setFormatter(_json() if form == "json" else _Text())
    handler.addFilter(_complete)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def scrubbed(text: str) -> str:
    """The text with ``***`` for tokens and passwords."""
    plain = text.lower()
    # Hardly a line has any, and to look for all of them at every letter would cost more than to write it.
    return _SECRET.sub(r"\1\2***", text) if any(hint in plain for hint in _HINTS) else text


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s%(suffix)s")

    def format(self, record: logging.LogRecord) -> str:
        job = getattr(record, "job_id", "")
        record.suffix = f" [job {job}]" if job and job not in record.msg else ""
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return scrubbed(super().formatException(ei))


def _json() -> logging.Formatter:
    from pythonjsonlogger.orjson import OrjsonFormatter

    class Json(OrjsonFormatter):
        def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
            return scrubbed("".join(super().formatException(ei)))

    names = {"levelname": "level", "name": "logger", "exc_info": "traceback"}
    return Json("{levelname}{name}{message}", style="{", timestamp="time", rename_fields=names)


def _complete(record: logging.LogRecord) -> bool:
    """Before it is formatted, since secrets are harder to find in what is quoted twice."""
    record.msg, record.args = scrubbed(record.getMessage()), None
    if not hasattr(record, "job_id"):
        named = _JOB.search(record.msg)
        if job := named[1] if named else _ABOUT.get():
            record.job_id = job
    return True


def _captured() -> TextIO:
    """Standard error as it was; what anybody writes to it, or to standard output, is logged from now on."""
    kept = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    source, sink = os.pipe()
    for descriptor in (1, 2):
        os.dup2(sink, descriptor)
    os.close(sink)
    reader = threading.Thread(target=_log_lines, args=(source,), name="gpserver-output", daemon=True)
    reader.start()
    atexit.register(_release, kept, reader)
    return kept


def _log_lines(source: int) -> None:
    log = logging.getLogger(_OUTPUT)
    log.setLevel(logging.INFO)  # whatever the others may say: it was printed to be read
    with os.fdopen(source, errors="backslashreplace") as lines:
        for line in lines:
            if line.strip():
                log.info("%s", line.rstrip("\r\n"))


def _release(kept: TextIO, reader: threading.Thread) -> None:
    for descriptor in (1, 2):  # nobody else holds the pipe now, so its reader comes to the end
        os.dup2(kept.fileno(), descriptor)
    reader.join(1.0)
