"""Result map services for globes: pictures that lie on the ground, and links to them."""

from collections.abc import Iterable

from starlette.responses import Response

from gpserver.errors import InvalidRequest
from gpserver.formats import Resource
from gpserver.maps.document import MapLayer
from gpserver.protocols.esri import scenes
from gpserver.protocols.esri.mapimage import export
from gpserver.protocols.esri.maplayers import listed_numbers
from gpserver.protocols.esri.maps import map_of
from gpserver.protocols.esri.wire import Call

_OPTIONS = ("composite", "separateImage", "nonComposite")


async def map_image(call: Call) -> Resource | Response:
    """``…/kml/mapImage.kmz``: the map as a picture on the ground, with the parameters of export.

    Raises:
        InvalidRequest: One of them cannot be understood.
    """
    call.parameters.add("f", "kmz")
    if not call.parameters.text("size"):
        call.parameters.add("size", "1024,1024")
    return await export(call)


def generate(call: Call) -> Resource:
    """``…/generateKml``: a document that links to layers, as one picture, as pictures, or as features.

    Raises:
        InvalidRequest: ``layers`` or ``layerOptions`` cannot be understood.
        NotFound: There is no such layer.
    """
    asked, found = call.parameters, map_of(call)
    asked.add("f", "kmz")
    option = asked.text("layerOptions", "composite")
    if option not in _OPTIONS:
        raise InvalidRequest(f"'layerOptions' is {option}; it may be {', '.join(_OPTIONS)}.")
    numbers = listed_numbers(asked.text("layers")) or {item.id for item in found.layers if not item.is_table}
    layers = [found.layer(number) for number in sorted(numbers)]
    name = asked.text("docName", found.name)
    if option == "composite":
        links = [(found.name, _picture(layers))]
    elif option == "separateImage":
        links = [(item.name, _picture([item])) for item in layers]
    else:
        links = [(item.name, f"{item.id}?f=kmz") for item in layers]
    scene = scenes.of_links(call, name, call.path.rpartition("/")[0], links)
    return Resource({}, "Generate KML", path=call.path, scene=scene, name=name)


def _picture(layers: Iterable[MapLayer]) -> str:
    return f"kml/mapImage.kmz?layers=show:{','.join(str(item.id) for item in layers)}"
