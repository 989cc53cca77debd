"""What catalogs of services and toolboxes read: the item information of a service, the metadata of a task."""

from xml.etree import ElementTree as ET  # nothing is parsed

from starlette.responses import Response

from gpserver.errors import NotFound
from gpserver.formats import Resource
from gpserver.naming import display_name
from gpserver.parameter import Parameter
from gpserver.protocols.esri.gpserver import service_and_task, service_of
from gpserver.protocols.esri.wire import Call
from gpserver.publishing import Service, Task

# XML has no place for these, however they are written.
_CONTROLS = dict.fromkeys(set(range(32)) - {9, 10, 13})


async def info(call: Call) -> Resource:
    """``…/GPServer/info``: what there is to read of a service.

    Raises:
        NotFound: There is no such service.
    """
    found = await service_of(call)
    return Resource({"resources": ["iteminfo", "metadata"]}, f"Info ({found.name})", path=call.path)


async def iteminfo(call: Call) -> Resource:
    """``…/GPServer/info/iteminfo``: the service as an item of a catalog.

    Raises:
        NotFound: There is no such service.
    """
    found = await service_of(call)
    value = {
        "culture": "en-US",
        "name": found.name,
        "guid": "",
        "catalogPath": "",
        "snippet": _summary(found.description),
        "description": found.description,
        "summary": _summary(found.description),
        "title": display_name(found.name),
        "tags": [item.display_name for item in found.tasks],
        "type": "Geoprocessing Service",
        "typeKeywords": ["ArcGIS Server", "Geoprocessing Service", "Service", "Tool"],
        "thumbnail": None,
        "url": f"{call.rest}/services/{found.full_name}/GPServer",
        "extent": None,
        "spatialReference": "",
        "accessInformation": "",
        "licenseInfo": "",
    }
    return Resource(value, f"Item Information ({found.name})", path=call.path)


async def thumbnail(call: Call) -> Resource:
    """``…/GPServer/info/thumbnail``: a service is published without a picture.

    Raises:
        NotFound: Always.
    """
    raise NotFound(f"The service {(await service_of(call)).full_name} has no thumbnail.")


async def metadata(call: Call) -> Response:
    """``…/GPServer/info/metadata``: the service in ArcGIS' metadata format, always as XML.

    Raises:
        NotFound: There is no such service.
    """
    return _xml(_service_metadata(await service_of(call)))


async def task_metadata(call: Call) -> Response:
    """``<task>/metadata``: the task and its parameters in ArcGIS' metadata format, always as XML.

    Raises:
        NotFound: There is no such task.
    """
    return _xml(_task_metadata((await service_and_task(call))[1]))


def _xml(root: ET.Element) -> Response:
    ET.indent(root)
    text = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(text, media_type="text/xml;charset=UTF-8", headers={"x-content-type-options": "nosniff"})


def _service_metadata(found: Service) -> ET.Element:
    root = ET.Element("metadata", {"xml:lang": "en"})
    tags = [item.display_name for item in found.tasks]
    root.append(_item(display_name(found.name), found.description, tags))
    return root


def _task_metadata(found: Task) -> ET.Element:
    root = ET.Element("metadata", {"xml:lang": "en"})
    tool = ET.SubElement(root, "tool", {"name": found.name, "displayname": found.display_name})
    parameters = ET.SubElement(tool, "parameters")
    parameters.extend(map(_parameter, found.parameters))
    _text(tool, "summary", found.description)
    root.append(_item(found.display_name, found.description, []))
    _text(ET.SubElement(root, "distInfo"), "distributor/distorFormat/formatName", "ArcToolbox Tool")
    return root


def _parameter(item: Parameter) -> ET.Element:
    output = item.direction == "output"
    facts = {
        "name": item.name,
        "displayname": item.display_name,
        "type": "Derived" if output else "Required" if item.required else "Optional",
        "direction": "Output" if output else "Input",
        "datatype": item.data_type.name,
        "expression": item.name if item.required or output else f"{{{item.name}}}",
    }
    element = ET.Element("param", facts)
    _text(element, "dialogReference", item.description)
    return element


def _item(title: str, description: str, tags: list[str]) -> ET.Element:
    """Title, abstract, purpose and tags, where ArcGIS' metadata has them."""
    element = ET.Element("dataIdInfo")
    _text(element, "idCitation/resTitle", title)
    _text(element, "idAbs", description)
    _text(element, "idPurp", _summary(description))
    keys = ET.SubElement(element, "searchKeys")
    for tag in tags:
        _text(keys, "keyword", tag)
    return element


def _text(parent: ET.Element, path: str, text: str) -> None:
    for name in path.split("/"):
        parent = ET.SubElement(parent, name)
    parent.text = text.translate(_CONTROLS)


def _summary(description: str) -> str:
    return description.partition("\n")[0]
