"""What a request asked for: its parameters, whichever way they were sent."""

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from python_multipart import parse_form
from python_multipart.exceptions import FormParserError

BODY = "(body)"
"""The name under which a body that is no form is kept."""

RANGE = "(range)"
"""The name under which the wish for a part of the answer is kept."""


@dataclass(frozen=True)
class Asked:
    """One request, as it is compared with others.

    Attributes:
        method: In capitals.
        path: Decoded, without a slash at its end.
        parameters: The last value of each by its name in lower case; files as their digest, empty ones not.
    """

    method: str
    path: str
    parameters: dict[str, str]

    @cached_property
    def values(self) -> dict[str, Any]:
        """The parameters, with those that are JSON read."""
        return {name: _read(text) for name, text in self.parameters.items()}


def asked_of(method: str, url: str, media_type: str = "", body: bytes = b"", part: str = "") -> Asked:
    """What a request asks for.

    Args:
        method: Of HTTP.
        url: Absolute, or path and query.
        media_type: Of the body, with its parameters.
        body: As it was sent.
        part: The header ``Range``.
    """
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True) + _pairs(media_type, body) + [(RANGE, part)]
    parameters = {name.lower(): value.strip() for name, value in pairs if value.strip()}
    return Asked(method.upper(), unquote(parts.path).rstrip("/") or "/", parameters)


def _pairs(media_type: str, body: bytes) -> list[tuple[str, str]]:
    if not body:
        return []
    if "urlencoded" in media_type:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if "multipart/form-data" in media_type:
        return _parts(media_type, body)
    try:
        return [(BODY, body.decode())]
    except UnicodeDecodeError:
        return [(BODY, _digest(body))]


def _parts(media_type: str, body: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def field(item: Any) -> None:
        found.append((_text(item.field_name), _text(item.value)))

    def file(item: Any) -> None:
        item.file_object.seek(0)
        found.append((_text(item.field_name), _digest(item.file_object.read())))
        item.close()

    headers = {"Content-Type": media_type.encode()}
    try:
        parse_form(headers, io.BytesIO(body), field, file)
    except FormParserError:
        return [(BODY, _digest(body))]
    return found


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _digest(content: bytes) -> str:
    return f"{len(content)} bytes, {hashlib.sha256(content).hexdigest()[:16]}"


def _read(text: str) -> Any:
    if text[:1] in "{[":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
