"""The OpenAPI 3.1 document of what can be asked of an emulated server, made of the structs that it reads."""

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from gpserver.emulator.admin import PREFIX, Operation, Problem

_REF = "#/components/schemas/{name}"


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document, JSON-ready."""
    found = tuple(operations)
    kinds = [kind for item in found for kind in (item.body, item.answer) if kind is not None]
    kinds = list(dict.fromkeys([*kinds, Problem]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schema_of = dict(zip(map(str, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for item in found:
        paths.setdefault(PREFIX + item.path, {})[item.method.lower()] = _operation(item, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "gpserver's emulator", "version": version("gpserver")},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(item: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if item.answer is not None:
        done["content"] = {"application/json": {"schema": schema_of[str(item.answer)]}}
    wrong = {
        "description": "Why not",
        "content": {"application/json": {"schema": schema_of[str(Problem)]}},
    }
    described: dict[str, Any] = {
        "summary": item.summary,
        "operationId": _name(item),
        "responses": {"204" if item.answer is None else "200": done, "400": wrong},
    }
    if parameters := [*_in_path(item), *_in_query(item)]:
        described["parameters"] = parameters
    if item.body is not None:
        content = {"application/json": {"schema": schema_of[str(item.body)]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _name(item: Operation) -> str:
    words = re.findall(r"[a-z]+", item.path)
    return item.method.lower() + "".join(word.title() for word in words)


def _in_path(item: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", item.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(item: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in item.query
    ]
