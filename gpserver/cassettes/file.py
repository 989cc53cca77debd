"""Cassettes as files: HAR, so that others can read them, and that what a browser saved is one as well."""

import json
from pathlib import Path

from msgspec import UNSET

from gpserver.cassettes.cassette import Cassette, Exchange, Headers, media_type_of
from gpserver.cassettes.har import (
    Entry,
    Log,
    Pair,
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
    read_har,
    reason_of,
    write_har,
)
from gpserver.errors import GPServerError

_UNUSED = ("OPTIONS", "CONNECT")
_NO_ANSWER = (0, 304)  # broken off, or out of the browser's cache


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Write a cassette; whoever reads it meanwhile sees what was there before.

    Raises:
        OSError: It cannot be written.
    """
    said = {"fields": list(cassette.fields), "moved": cassette.moved}
    write_har(path, har(map(_entry, cassette.exchanges), json.dumps(said)))


def read_cassette(path: Path) -> Cassette:
    """Read a cassette, or a HAR that a browser saved.

    Raises:
        GPServerError: It cannot be read, or is none.
    """
    log = read_har(path).log
    try:
        exchanges = [_exchange(entry) for entry in log.entries if _is_of_use(entry)]
    except ValueError as error:
        raise GPServerError(f"{path}: {error}") from None
    fields, moved = _said(log)
    return Cassette(tuple(sorted(exchanges, key=lambda item: item.started)), fields, moved)


def _said(log: Log) -> tuple[tuple[str, ...], bool]:
    if log.creator.name != "gpserver" or not log.creator.comment:
        return (), False
    said = json.loads(log.creator.comment)
    return tuple(said["fields"]), said["moved"]


def _is_of_use(entry: Entry) -> bool:
    request = entry.request
    asked = request.method.upper() not in _UNUSED and request.url.startswith(("http://", "https://"))
    return asked and entry.response.status not in _NO_ANSWER


def _entry(exchange: Exchange) -> Entry:
    took = round(exchange.seconds * 1000, 3)
    return Entry(
        started_date_time=moment_of(exchange.started),
        time=took,
        request=Request(
            method=exchange.method,
            url=exchange.url,
            headers=pairs_of(exchange.asked),
            query_string=query_of(exchange.url),
            post_data=_post(exchange) if exchange.sent else UNSET,
            body_size=len(exchange.sent),
        ),
        response=Response(
            status=exchange.status,
            status_text=reason_of(exchange.status),
            headers=pairs_of(exchange.answered),
            content=content_of(exchange.body, media_type_of(exchange.answered)),
            redirect_url=next((text for name, text in exchange.answered if name.lower() == "location"), ""),
            body_size=len(exchange.body),
        ),
        timings=Timings(wait=took),
        comment=exchange.note or UNSET,
    )


def _post(exchange: Exchange) -> PostData:
    media_type = media_type_of(exchange.asked)
    # The fields once more, for people: what a form says is hard to read where it is encoded.
    form = query_of(f"?{exchange.sent.decode()}") if "urlencoded" in media_type else []
    return post_of(exchange.sent, media_type, [Param(name=item.name, value=item.value) for item in form])


def _exchange(entry: Entry) -> Exchange:
    request, response = entry.request, entry.response
    answered = _headers(response.headers)
    if not media_type_of(answered) and response.content.mime_type:
        answered += (("content-type", response.content.mime_type),)
    return Exchange(
        method=request.method.upper(),
        url=request.url,
        asked=_headers(request.headers),
        sent=request.post_data.body if request.post_data else b"",
        started=entry.started,
        seconds=max(entry.time, 0.0) / 1000,
        status=response.status,
        answered=answered,
        body=response.content.body,
        note=entry.comment or "",
    )


def _headers(pairs: list[Pair]) -> Headers:
    # HTTP/2 has headers of its own, such as :authority.
    return tuple((item.name, item.value) for item in pairs if not item.name.startswith(":"))
