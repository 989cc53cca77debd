"""Cassettes as files: HAR 1.2, written so that people can read and compare it, read from anywhere."""

import base64
import binascii
import json
import os
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from gpserver.emulator.cassette import Cassette, Exchange, Headers, media_type_of
from gpserver.errors import GPServerError

_BASE64 = "base64"
_UNUSED = ("OPTIONS", "CONNECT")
_NOT_FROM_THE_SERVER = (0, 304)  # broken off, or out of the browser's cache: there is no answer in it


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Write a cassette; whoever reads it meanwhile sees what was there before.

    Raises:
        OSError: It cannot be written.
    """
    said = {"fields": list(cassette.fields), "moved": cassette.moved}
    creator = {"name": "gpserver", "version": version("gpserver"), "comment": json.dumps(said)}
    log = {"version": "1.2", "creator": creator, "entries": [_entry(item) for item in cassette.exchanges]}
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps({"log": log}, ensure_ascii=False, indent=2) + "\n", "utf-8")
    new.replace(path)


def read_cassette(path: Path) -> Cassette:
    """Read a cassette, or a HAR that a browser saved.

    Raises:
        GPServerError: It is none.
    """
    try:
        log = json.loads(path.read_text("utf-8-sig"))["log"]
        entries = [item for item in log["entries"] if _is_of_use(item)]
        exchanges = sorted((_exchange(item) for item in entries), key=lambda item: item.started)
    except OSError as error:
        raise GPServerError(f"The cassette {path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GPServerError(f"{path} is no HAR file: {type(error).__name__} {error}.") from None
    fields, moved = _said(log.get("creator", {}))
    return Cassette(tuple(exchanges), fields, moved)


def _said(creator: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    if creator.get("name") != "gpserver":
        return (), False
    said = json.loads(creator.get("comment", "{}"))
    return tuple(said.get("fields", ())), bool(said.get("moved"))


def _is_of_use(entry: dict[str, Any]) -> bool:
    request, response = entry["request"], entry["response"]
    asked = request["method"].upper() not in _UNUSED and request["url"].startswith(("http://", "https://"))
    return asked and response["status"] not in _NOT_FROM_THE_SERVER


def _entry(exchange: Exchange) -> dict[str, Any]:
    took = round(exchange.seconds * 1000, 3)
    began = datetime.fromtimestamp(exchange.started, UTC).isoformat(timespec="milliseconds")
    entry = {
        "startedDateTime": began.replace("+00:00", "Z"),
        "time": took,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
    }
    return entry | ({"comment": exchange.note} if exchange.note else {})


def _request(exchange: Exchange) -> dict[str, Any]:
    query = parse_qsl(urlsplit(exchange.url).query, keep_blank_values=True)
    request = {
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(exchange.asked),
        "queryString": _pairs(query),
        "headersSize": -1,
        "bodySize": len(exchange.sent),
    }
    if exchange.sent:
        text, encoding = _written(exchange.sent)
        # HAR has no encoding for what was sent.
        comment = {"comment": encoding} if encoding else {}
        request["postData"] = {
            "mimeType": media_type_of(exchange.asked),
            "text": text,
            "params": [],
        } | comment
    return request


def _response(exchange: Exchange) -> dict[str, Any]:
    text, encoding = _written(exchange.body)
    content = {"size": len(exchange.body), "mimeType": media_type_of(exchange.answered), "text": text}
    known = exchange.status in HTTPStatus.__members__.values()
    return {
        "status": exchange.status,
        "statusText": HTTPStatus(exchange.status).phrase if known else "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(exchange.answered),
        "content": content | ({"encoding": encoding} if encoding else {}),
        "redirectURL": next((value for name, value in exchange.answered if name.lower() == "location"), ""),
        "headersSize": -1,
        "bodySize": len(exchange.body),
    }


def _exchange(entry: dict[str, Any]) -> Exchange:
    request, response = entry["request"], entry["response"]
    content = response.get("content") or {}
    answered = _headers(response)
    if not media_type_of(answered) and content.get("mimeType"):
        answered += (("content-type", content["mimeType"]),)
    return Exchange(
        method=request["method"].upper(),
        url=request["url"],
        asked=_headers(request),
        sent=_sent(request.get("postData") or {}),
        started=datetime.fromisoformat(entry["startedDateTime"]).timestamp(),
        seconds=max(entry.get("time") or 0, 0) / 1000,
        status=response["status"],
        answered=answered,
        body=_body(content.get("text") or "", content.get("encoding", "")),
        note=entry.get("comment", ""),
    )


def _sent(data: dict[str, Any]) -> bytes:
    if text := data.get("text"):
        return _body(text, data.get("comment", ""))
    # Some browsers tell the fields of a form alone.
    return urlencode([(item["name"], item.get("value", "")) for item in data.get("params") or ()]).encode()


def _written(body: bytes) -> tuple[str, str]:
    """A body as text, and how that is encoded."""
    try:
        return body.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), _BASE64


def _body(text: str, encoding: str) -> bytes:
    if encoding != _BASE64:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("a body is no base64") from None


def _headers(message: dict[str, Any]) -> Headers:
    # HTTP/2 has headers of its own, such as :authority.
    pairs = ((item["name"], item["value"]) for item in message.get("headers") or ())
    return tuple((name, value) for name, value in pairs if not name.startswith(":"))


def _pairs(pairs: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
