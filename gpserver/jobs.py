"""`gpserver jobs`: the jobs of a server as its operator sees them, while it runs or not."""

import re
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from gpserver.app import open_jobs
from gpserver.errors import GPServerError
from gpserver.job import JOB_NAME, Input, Job, JobFilter, JobStatus, Message, Result
from gpserver.retention import Retention
from gpserver.settings import Settings
from gpserver.stores import JobStore

_BATCH = 200  # jobs
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TERMINAL = frozenset(status for status in JobStatus if status.is_terminal)
_HEADS = ("ID", "TASK", "STATE", "USER", "SUBMITTED", "WAITED", "RAN", "SIZE", "")


def run(settings: Settings, options: Namespace) -> int:
    """Do what the command line says; returns the exit code, which is 1 where a job could not be had.

    Raises:
        GPServerError: There are no jobs to look after, or a value cannot be read.
    """
    store, retention = open_jobs(settings)
    try:
        return _ACTIONS[options.action](_Operator(store, retention, settings), options)
    finally:
        store.close()


class _Operator:
    """What every action needs: the store, who removes jobs, and a word to whoever runs them."""

    def __init__(self, store: JobStore, retention: Retention, settings: Settings) -> None:
        self.store, self.retention, self._url = store, retention, settings.store

    def say(self, word: str, job_id: str) -> None:
        """Tell the machines that share a database; a server that is alone looks by itself, once a second."""
        if not self._url:
            return
        from gpserver.executors.bus import Bus

        bus = Bus(self._url, {})
        bus.say(word, job_id)
        bus.close()

    def stop(self, job: Job) -> str:
        """Stop a job; gives what became of it."""
        now = time.time()
        if self.store.move(job.id, JobStatus.QUEUED, JobStatus.CANCELLED, now=now):
            self.say("ended", job.id)
            return "cancelled"
        if self.store.move(job.id, JobStatus.RUNNING, JobStatus.CANCELLING, now=now):
            self.say("cancel", job.id)
            return "is being cancelled"
        left = self.store.get(job.id)
        return f"is {left.status} already" if left else "is gone"


def _list(operator: _Operator, options: Namespace) -> int:
    wanted = JobFilter(
        options.service, options.user, _statuses(options.state), since=_moment(options.since), pinned=None
    )
    jobs = operator.store.find(wanted, 0, options.limit)
    if options.json:
        _print_json([_facts(job) for job in jobs])
        return 0
    _print_table([_HEADS, *(_row(job) for job in jobs)])
    total = sum(operator.store.count(wanted).values())
    if total > len(jobs):
        print(f"… and {total - len(jobs)} more: see --limit")
    return 0


def _show(operator: _Operator, options: Namespace) -> int:
    job, store = _job(operator, options.id), operator.store
    inputs, messages, results = store.inputs(job.id), store.messages(job.id), store.results(job.id)
    if options.json:
        value = {
            **_facts(job),
            "inputs": [{"name": item.name, "type": item.data_type, "value": _sent(item)} for item in inputs],
            "messages": [{"type": item.type, "text": item.text, "at": _iso(item.at)} for item in messages],
            "results": [
                {"name": item.name, "type": item.data_type, "value": _given(item)} for item in results
            ],
        }
        _print_json(value)
        return 0
    lines = [
        (name.capitalize(), str(value)) for name, value in _facts(job).items() if value not in (None, "")
    ]
    lines += [(f"> {item.name}", f"{item.data_type}  {_sent(item)}"[:200]) for item in inputs]
    lines += [(f"< {item.name}", f"{item.data_type}  {_given(item)}"[:200]) for item in results]
    _print_table(lines)
    print(*(_message(item) for item in messages), sep="\n")
    return 0


def _cancel(operator: _Operator, options: Namespace) -> int:
    return _each(operator, options.ids, operator.stop)


def _delete(operator: _Operator, options: Namespace) -> int:
    def delete(job: Job) -> str:
        if not operator.store.ended.condemn([job.id]):
            return "is pinned: unpin it first"
        if not job.status.is_terminal:
            operator.stop(job)
        operator.retention.finish(job.id)
        return "is being stopped, and is deleted then" if operator.store.get(job.id) else "deleted"

    return _each(operator, options.ids, delete)


def _purge(operator: _Operator, options: Namespace) -> int:
    before = time.time() - _span(options.older_than) if options.older_than else None
    wanted = JobFilter(options.service, statuses=_TERMINAL, ended_before=before, pinned=False)
    gone = 0
    while found := operator.retention.remove([job.id for job in operator.store.find(wanted, 0, _BATCH)]):
        gone += found
    print(f"{gone} jobs deleted")
    return 0


def _pin(operator: _Operator, options: Namespace) -> int:
    pinned = options.action == "pin"

    def pin(job: Job) -> str:
        done = operator.store.ended.pin(job.id, pinned=pinned)
        return ("pinned" if pinned else "unpinned") if done else "is gone"

    return _each(operator, options.ids, pin)


_ACTIONS: dict[str, Callable[[_Operator, Namespace], int]] = {
    "list": _list,
    "show": _show,
    "cancel": _cancel,
    "delete": _delete,
    "purge": _purge,
    "pin": _pin,
    "unpin": _pin,
}


def _each(operator: _Operator, ids: Iterable[str], action: Callable[[Job], str]) -> int:
    code = 0
    for job_id in ids:
        try:
            job = _job(operator, job_id)
        except GPServerError as error:
            print(error)
            code = 1
        else:
            print(f"{job.id} {action(job)}")
    return code


def _job(operator: _Operator, text: str) -> Job:
    # With the letter, as ArcGIS' clients show it; with dashes, as EverGIS' do.
    job_id = text.lower().replace("-", "").removeprefix("j")
    job = operator.store.get(job_id) if JOB_NAME.fullmatch(job_id) else None
    if job is None or job.condemned:
        raise GPServerError(f"There is no job {_plain(text)[:80]}.")
    return job


def _facts(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "service": job.service,
        "task": job.task,
        "state": job.status,
        "user": job.owner or None,
        "machine": job.runner.partition(":")[0] or None,
        "attempt": job.attempt,
        "submitted": _iso(job.created),
        "started": _iso(job.started),
        "ended": _iso(job.ended),
        "progress": job.progress and job.progress.text,
        "size": job.size,
        "pinned": job.pinned,
    }


def _row(job: Job) -> tuple[str, ...]:
    waited = (job.started or job.ended or time.time()) - job.created
    ran = f"{(job.ended or time.time()) - job.started:.1f} s" if job.started else ""
    size = "" if job.size is None else f"{job.size:,}"
    submitted = datetime.fromtimestamp(job.created).astimezone().isoformat(" ", "seconds")
    names = (job.id, f"{job.service}/{job.task}", job.status, job.owner, submitted)
    return (*names, f"{waited:.1f} s", ran, size, "pinned" if job.pinned else "")


def _sent(item: Input) -> object:
    return item.file or (item.texts[0] if len(item.texts) == 1 else list(item.texts))


def _given(item: Result) -> object:
    return item.layer or item.file or item.value


def _message(item: Message) -> str:
    return f"{_iso(item.at)} {item.type}: {_plain(item.text)}"


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _plain(text: str) -> str:
    """What clients and tasks wrote, without what a terminal would obey."""
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            _plain(cell).replace("\n", " ").ljust(width) for cell, width in zip(row, widths, strict=True)
        )
        print("  ".join(cells).rstrip())


def _print_json(value: object) -> None:
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _statuses(text: str) -> frozenset[JobStatus]:
    try:
        return frozenset(JobStatus(name.strip().lower()) for name in text.split(",") if name.strip())
    except ValueError:
        known = ", ".join(JobStatus)
        raise GPServerError(f"--state is some of {known}, not {text}.") from None


def _span(text: str) -> float:
    """Seconds of ``45``, ``45s``, ``30m``, ``12h`` or ``2d``."""
    if match := _SPAN.fullmatch(text.strip().lower()):
        return float(match[1]) * _SECONDS[match[2]]
    raise GPServerError(f"{text} is no span of time: write 45s, 30m, 12h or 2d.")


def _moment(text: str) -> float:
    """Epoch seconds of a span of time ago, or of a moment in ISO 8601, local unless it says otherwise."""
    if not text:
        return 0.0
    if _SPAN.fullmatch(text.strip().lower()):
        return time.time() - _span(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise GPServerError(f"--since {text} is neither 12h or 2d nor 2026-01-31T12:00.") from None
