"""The jobs of a service as its administrator sees them: query, statistics, cancel, delete, pin, purge."""

import time
from typing import Any
from urllib.parse import quote, urlencode

from gpserver.errors import Forbidden, InvalidRequest, NotFound, TokenRequired
from gpserver.formats import Resource
from gpserver.job import Job, JobFilter, JobStatus, Tally
from gpserver.protocols.esri.log import JOB_ID, STATUS, esri_id
from gpserver.protocols.esri.wire import Call, MethodNotAllowed

_MOST = 1000  # jobs of one answer
_FARTHEST = 1 << 40
_NOBODY = "null"
"""How a client asks for the jobs of nobody in particular."""


def jobs(call: Call) -> Resource:
    """``…/<service>.GPServer/jobs``: what there is below it; its page shows the jobs."""
    if call.wants_page:
        return query(call)
    administered(call)
    return _resource({"resources": ["statistics"], "operations": ["query", "purgeQueue"]})


def query(call: Call) -> Resource:
    """``…/jobs/query``: the jobs of a service, the youngest first, in pages.

    Raises:
        InvalidRequest: A status, a time or a number is none.
    """
    service, engine = administered(call), call.site.engine
    text = call.parameters.text
    first, number = _number(call, "start", 0, _FARTHEST), _number(call, "number", 10, _MOST)
    user = text("userName")
    wanted = JobFilter(
        service,
        None if not user else "" if user == _NOBODY else user,
        _statuses(text("jobStatus")),
        call.parameters.number("startTime") / 1000,
        call.parameters.number("endTime") / 1000 or None,
        machine=text("machineName"),
    )
    found = engine.find(wanted, first, number)
    total = sum(engine.count(wanted).values())
    following = first + len(found)
    asked = {name: text(name) for name in ("startTime", "endTime", "jobStatus", "userName", "machineName")}
    value = {
        "total": total,
        "query": asked,
        "num": len(found),
        "start": first,
        "nextStart": following if following < total else -1,
        "results": [_row(call, job) for job in found],
    }
    more = urlencode({**asked, "number": number, "start": following}) if following < total else ""
    facts = {
        "rows": [_shown(job, call.site.clock()) for job in found],
        "place": place_of(service),
        "statuses": STATUS.values(),
        "more": more,
    }
    return Resource(value, f"Jobs of {service}", page="jobs", path=call.path, facts=facts)


def statistics(call: Call) -> Resource:
    """``…/jobs/statistics``: how many jobs of the service there are, ended how, and what tasks took.

    Beyond ArcGIS' four numbers it has those of each state, and for each task and state how many seconds its
    jobs waited and ran.
    """
    tallies = call.site.engine.statistics(JobFilter(administered(call)))
    counts = dict.fromkeys(JobStatus, 0)
    for tally in tallies:
        counts[tally.status] += tally.count
    value = {
        "total": sum(counts.values()),
        "cancelled": counts[JobStatus.CANCELLED],
        "failed": counts[JobStatus.FAILED],
        "succeeded": counts[JobStatus.SUCCEEDED],
        "states": {STATUS[status]: count for status, count in counts.items()},
        "tasks": [_told(tally) for tally in tallies],
    }
    return Resource(value, "Job Statistics", page="statistics", path=call.path, facts={"place": _place(call)})


def purge_queue(call: Call) -> Resource:
    """``…/jobs/purgeQueue``: cancels the jobs of the service that have not begun."""
    call.site.engine.purge(administered(_posted(call)))
    return _done(call)


def job(call: Call) -> Resource:
    """``…/jobs/<jobId>``: one job."""
    return _resource(_row(call, _job(call)))


def cancel(call: Call) -> Resource:
    """``…/jobs/<jobId>/cancel``: stops a job."""
    found = _job(_posted(call))
    try:
        call.site.engine.cancel(found.id)
    except InvalidRequest:
        return _refused(f"Unable to cancel job :[{esri_id(found.id)}]")
    return _done(call)


def delete(call: Call) -> Resource:
    """``…/jobs/<jobId>/delete``: forgets a job with its files and results; one that runs is stopped."""
    found = _job(_posted(call))
    try:
        call.site.engine.delete(found.id)
    except InvalidRequest as error:
        return _refused(str(error))
    return _done(call)


def pin(call: Call) -> Resource:
    """``…/jobs/<jobId>/pin``: keeps a job, its files and results for good; ArcGIS has nothing like it."""
    call.site.engine.pin(_job(_posted(call)).id, pinned=True)
    return _done(call)


def unpin(call: Call) -> Resource:
    """``…/jobs/<jobId>/unpin``: lets a job go when its time comes."""
    call.site.engine.pin(_job(_posted(call)).id, pinned=False)
    return _done(call)


def place_of(service: str) -> str:
    """The path of the jobs of a service, by its full name."""
    return f"/arcgis/admin/services/{quote(service)}.GPServer/jobs"


def administered(call: Call) -> str:
    """The full name of the service of the path, for those who may look after it.

    Raises:
        TokenRequired, Forbidden: That is not the caller.
    """
    if call.site.guard and not call.caller.is_administrator:
        if not call.caller.name:
            raise TokenRequired
        raise Forbidden("Only administrators may look after jobs.")
    return call.site.catalog.service(call.part("service")).full_name


def _job(call: Call) -> Job:
    service, match = administered(call), JOB_ID.fullmatch(call.part("job_id").lower())
    found = call.site.engine.job(match[1]) if match else None
    if found is None or found.service != service:
        raise NotFound(f"There is no job {call.part('job_id')[:50]} of {service}.")
    return found


def _posted(call: Call) -> Call:
    # Whatever follows links, such as a search engine or a preview, must change nothing.
    if call.request.method != "POST":
        raise MethodNotAllowed("This changes jobs: send it with POST.")
    return call


def _place(call: Call) -> str:
    return place_of(administered(call))


def _done(call: Call) -> Resource:
    """The answer to a change; a browser goes back to the list."""
    return Resource({"status": "success"}, "Jobs", location=_place(call))


def _refused(text: str) -> Resource:
    return _resource({"status": "error", "messages": [text], "code": 500})


def _number(call: Call, name: str, default: int, most: int) -> int:
    return int(min(max(call.parameters.number(name, default), 0), most))


def _row(call: Call, job: Job) -> dict[str, Any]:
    return {
        "jobId": esri_id(job.id),
        "submittedTime": round(job.created * 1000),
        "endTime": None if job.ended is None else round(job.ended * 1000),
        "status": STATUS[job.status],
        "username": job.owner or None,
        "machinename": job.runner.partition(":")[0] or None,
        "url": f"{call.rest}/services/{job.service}/GPServer/{job.task}/jobs/{esri_id(job.id)}",
    }


def _shown(job: Job, now: float) -> dict[str, Any]:
    """A job for people."""
    span = f"{(job.ended or now) - job.started:.1f} s" if job.started else ""
    return {
        "id": esri_id(job.id),
        "task": job.task,
        "status": STATUS[job.status],
        "user": job.owner,
        "submitted": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.created)),
        "ran": span,
        "size": "" if job.size is None else f"{job.size:,}",
        "ended": job.ended is not None,
        "pinned": job.pinned,
        "path": quote(f"/arcgis/rest/services/{job.service}/GPServer/{job.task}/jobs/{esri_id(job.id)}"),
    }


def _told(tally: Tally) -> dict[str, Any]:
    return {
        "taskName": tally.task,
        "status": STATUS[tally.status],
        "count": tally.count,
        "averageQueueTime": tally.waited,
        "maximumQueueTime": tally.longest_wait,
        "averageRunTime": tally.ran,
        "maximumRunTime": tally.longest_run,
    }


def _statuses(text: str) -> frozenset[JobStatus]:
    names = {name.lower(): status for status, name in STATUS.items()}
    names |= {"esrijobnew": JobStatus.QUEUED, "esrijobwaiting": JobStatus.QUEUED}
    names |= {name.removeprefix("esrijob"): status for name, status in names.items()}
    try:
        return frozenset(names[each.strip().lower()] for each in text.split(",") if each.strip())
    except KeyError as unknown:
        raise InvalidRequest(
            f"'jobStatus' has {unknown.args[0][:50]}; known are {', '.join(STATUS.values())}."
        ) from None


def _resource(value: dict[str, Any]) -> Resource:
    return Resource(value, "Jobs")
