"""The jobs of a service as its administrator sees them: query, statistics, cancel, delete, purge."""

from typing import Any

from gpserver.errors import Forbidden, InvalidRequest, NotFound, TokenRequired
from gpserver.formats import Resource
from gpserver.job import Job, JobFilter, JobStatus
from gpserver.protocols.esri.log import JOB_ID, STATUS, esri_id
from gpserver.protocols.esri.wire import Call

_MOST = 1000  # jobs of one answer
_FARTHEST = 1 << 40
_NOBODY = "null"
"""How a client asks for the jobs of nobody in particular."""


def jobs(call: Call) -> Resource:
    """``…/<service>.GPServer/jobs``: what there is below it."""
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
    )
    found = engine.find(wanted, first, number)
    total = sum(engine.count(wanted).values())
    following = first + len(found)
    value = {
        "total": total,
        "query": {name: text(name) for name in ("startTime", "endTime", "jobStatus", "userName")},
        "num": len(found),
        "start": first,
        "nextStart": following if following < total else -1,
        "results": [_row(call, job) for job in found],
    }
    return _resource(value)


def statistics(call: Call) -> Resource:
    """``…/jobs/statistics``: how many jobs of the service there are in each state."""
    counts = call.site.engine.count(JobFilter(administered(call)))
    return _resource({"statistics": {STATUS[status]: counts.get(status, 0) for status in JobStatus}})


def purge_queue(call: Call) -> Resource:
    """``…/jobs/purgeQueue``: cancels the jobs of the service that have not begun."""
    call.site.engine.purge(administered(call))
    return _resource({"status": "success"})


def job(call: Call) -> Resource:
    """``…/jobs/<jobId>``: one job."""
    return _resource(_row(call, _job(call)))


def cancel(call: Call) -> Resource:
    """``…/jobs/<jobId>/cancel``: stops a job."""
    found = _job(call)
    try:
        call.site.engine.cancel(found.id)
    except InvalidRequest:
        text = f"Unable to cancel job :[{esri_id(found.id)}]"
        return _resource({"status": "error", "messages": [text], "code": 500})
    return _resource({"status": "success"})


def delete(call: Call) -> Resource:
    """``…/jobs/<jobId>/delete``: forgets a job that has ended, with its files and results."""
    found = _job(call)
    try:
        call.site.engine.delete(found.id)
    except InvalidRequest as error:
        return _resource({"status": "error", "messages": [str(error)], "code": 500})
    return _resource({"status": "success"})


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
