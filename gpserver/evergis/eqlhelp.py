"""What EQL knows: the functions that a SELECT may call."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gpserver.eql import functions
from gpserver.evergis.methods import Functions
from gpserver.evergis.parameters import convert
from gpserver.layers import Layers


def listing(layers: Layers, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The functions with their signatures: all, or those whose names begin as the last word does."""
    body: Functions = convert(asked, Functions, "data")
    words = (body.query or "").replace("(", " ").split()
    found = [item for item in functions() if not words or item.name.lower().startswith(words[-1].lower())]
    start = body.offset or 0
    shown = found[start : start + (len(found) if body.limit is None else body.limit)]
    return {"totalCount": len(found), "items": [asdict(item) for item in shown]}
