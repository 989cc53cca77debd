"""What a fetched JSON document says of itself: an error, a result of a task, a page of features."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import orjson

from gpserver.errors import InvalidValue


class Answer(msgspec.Struct, rename="camel"):
    """The outer level of a document; features stay text, keys not named here are skipped."""

    features: list[msgspec.Raw] | None = None
    exceeded_transfer_limit: Any = None
    properties: Any = None
    param_name: Any = None
    value: msgspec.Raw = msgspec.Raw(b"")
    error: Any = None
    digest: bytes = b""

    @property
    def has_more(self) -> bool:
        """Whether a server says that there are more features than these."""
        # A query in GeoJSON says it among the properties of the collection.
        inner = self.properties if isinstance(self.properties, dict) else {}
        return bool(self.exceeded_transfer_limit or inner.get("exceededTransferLimit"))


_decoder = msgspec.json.Decoder(Answer)


def read_answer(path: Path) -> Answer:
    """Look at a JSON document; of any other there is nothing to say.

    Raises:
        InvalidValue: It is the error of an ArcGIS server, or holds its features back: they are too many.
    """
    text = path.read_bytes()
    try:
        answer = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return Answer()
    answer.digest = hashlib.blake2b(text).digest()
    if answer.error:
        raise InvalidValue(f"The server of the URL says: {_said(answer.error)}")
    if answer.has_more and not answer.features:
        raise InvalidValue(
            "There are more features than the server of the URL gives; ask its layer for them."
        )
    return answer


def read_members(path: Path) -> dict[str, Any]:
    """The members of a small JSON document, such as the description of a layer.

    Raises:
        InvalidValue: It is none, or the error of an ArcGIS server.
    """
    read_answer(path)
    try:
        document = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise InvalidValue("The URL is not that of a layer: its answer is not JSON.")
    return document


def _said(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)[:200]
    details = error.get("details")
    texts = [error.get("message"), *(details if isinstance(details, list) else [details])]
    said = " ".join(str(text) for text in texts if text)
    return f"{said[:300]} (code {error.get('code')})"
