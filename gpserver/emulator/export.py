"""The journal as a HAR file, which the network panel of any browser opens."""

from collections.abc import Iterable, Iterator

from msgspec import UNSET

from gpserver.cassettes.har import (
    Content,
    Entry,
    Har,
    Param,
    PostData,
    Request,
    Response,
    Timings,
    content_of,
    har,
    moment_of,
    pairs_of,
    post_of,
    query_of,
    reason_of,
)
from gpserver.emulator.body import Body, File, parameters_in
from gpserver.emulator.masking import masked
from gpserver.emulator.record import Record


def har_of(records: Iterable[Record]) -> Har:
    """The requests without their secrets; of one under way, what there is."""
    noted = list(records)
    return har([_entry(shown, record) for shown, record in zip(masked(noted), noted, strict=True)])


def _entry(shown: Record, record: Record) -> Entry:
    took = round(record.seconds * 1000, 3)
    return Entry(
        started_date_time=moment_of(record.began),
        time=took,
        request=_request(shown, record.sent.size),
        response=_response(shown, record.answer.size),
        timings=Timings(wait=took),
        comment="; ".join(_remarks(record)) or UNSET,
    )


def _request(shown: Record, size: int) -> Request:
    return Request(
        method=shown.method,
        url=shown.url,
        headers=pairs_of(shown.headers),
        query_string=query_of(shown.url),
        post_data=_post(shown) if size else UNSET,
        body_size=size,
    )


def _post(shown: Record) -> PostData:
    media_type = shown.header("content-type")
    fields = parameters_in(shown.sent, media_type) if "form" in media_type else []
    return post_of(shown.sent.kept, media_type, [_param(name, value) for name, value in fields])


def _param(name: str, value: str | File) -> Param:
    if isinstance(value, File):
        return Param(name=name, file_name=value.name, content_type=value.type)
    return Param(name=name, value=value)


def _response(shown: Record, size: int) -> Response:
    return Response(
        status=shown.status,
        status_text=reason_of(shown.status),
        headers=pairs_of(shown.answered),
        content=_content(shown.answer, shown.header("content-type", shown.answered)),
        redirect_url=shown.header("location", shown.answered),
        body_size=size,
    )


def _content(answer: Body, media_type: str) -> Content:
    return content_of(answer.kept, media_type, answer.size)


def _remarks(record: Record) -> Iterator[str]:
    if record.subject.task:
        yield f"task {record.subject.task}"
    if record.job:
        yield f"job {record.job}"
    if record.fault:
        yield f"fault {record.fault}"
    if not record.matched:
        yield "nothing is there"
    if record.ended is None:
        yield "under way"
    for name, body in (("sent", record.sent), ("answered", record.answer)):
        if body.skipped:
            yield f"{body.skipped} bytes of what was {name} are not kept"
