"""Task resources: configurations of tasks that lie in the tree of folders and files."""

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from gpserver.errors import InvalidRequest
from gpserver.protocols.evergis.booked import admit, in_thread
from gpserver.protocols.evergis.catalogue import TASK
from gpserver.protocols.evergis.wire import Call, Routes
from gpserver.schedules import TaskResource


class NewResource(Struct, frozen=True, rename="camel"):
    """TaskResourceCreateDto."""

    name: str | None = None
    system_name: str | None = None
    sub_type: Annotated[str, Meta(pattern="^(SpTask|PythonTask)$")] = "SpTask"
    task_type: str | None = None
    import_method: str | None = None
    parent_id: str | None = None
    description: str | None = None


class Configured(Struct, frozen=True, rename="camel"):
    """TaskResourceUpdateDto."""

    configuration: Any = msgspec.UNSET
    ui_configuration: Any = msgspec.UNSET


def create_resource(call: Call, new: NewResource) -> Response:
    """``POST /scheduler/taskresource``: a folder ``name.task`` in the tree, and a configuration.

    Raises:
        InvalidRequest: It has no name.
        Conflict: The folder is there already.
    """
    name = (new.name or (new.system_name or "").rpartition(".")[2]).removesuffix(TASK)
    if not name:
        raise InvalidRequest("'name' must be specified.")
    text = new.description or ""
    made = call.site.layers.resources.add_folder(f"{name}{TASK}", new.parent_id or "", description=text)
    kept = TaskResource(
        made.id, call.caller.name, new.sub_type, new.task_type, new.import_method, new.description
    )
    call.site.office.book.keep_resource(kept)
    return Response(made.id, media_type="text/plain")  # clients take it as it comes, and not for JSON


def resource(call: Call) -> dict[str, Any]:
    """``GET /scheduler/taskresource/{id}``: the configuration; there is no default one."""
    found = _resource(call)
    return {
        "taskResourceSubType": found.sub_type,
        "taskType": found.task_type,
        "description": found.description,
        "importMethod": found.import_method,
        "userConfiguration": found.user_configuration,
        "defaultConfiguration": None,
        "uiConfiguration": found.ui_configuration,
    }


def configure(call: Call, new: Configured) -> Response:
    """``PATCH /scheduler/taskresource/{id}``: keep what is sent of the configuration."""
    found = _resource(call)
    facts = {"user_configuration": new.configuration, "ui_configuration": new.ui_configuration}
    sent = {name: value for name, value in facts.items() if value is not msgspec.UNSET}
    call.site.office.book.keep_resource(replace(found, **sent))
    return Response()


def _resource(call: Call) -> TaskResource:
    found = call.site.office.book.resource(call.part("id"))
    admit(call, found.owner, f"There is no task resource {found.id}.")
    return found


ROUTES: Routes = (
    (("POST",), "/scheduler/taskresource", in_thread(create_resource, NewResource)),
    (("GET",), "/scheduler/taskresource/{id}", in_thread(resource)),
    (("PATCH",), "/scheduler/taskresource/{id}", in_thread(configure, Configured)),
)
