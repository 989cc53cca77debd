"""Scenes as KML 2.2: in one document a document per layer, pictures on the ground, links to others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import simplekml
from simplekml import GroundOverlay, Icon, LatLonBox, NetworkLink

from gpserver.features.markup import sayable
from gpserver.formats.kml_layers import add_head, icons, texts
from gpserver.formats.kml_styles import element_of
from gpserver.formats.resource import Body, Resource
from gpserver.formats.scene import Features, Link, Overlay, Part, Scene
from gpserver.maps.picture import Picture, Swatch

_MEDIA_TYPE = "application/vnd.google-earth.kml+xml"
_MARK = b"<Placemark />"  # where the placemarks of a layer stand in the text around them


@dataclass(frozen=True, slots=True)
class Drawn:
    """A part of a scene and its pictures: the one of an overlay, or the icons of a layer's classes."""

    part: Part
    pictures: Sequence[Path | None]


def write(resource: Resource) -> Body:
    """The scene of a resource as one text; its pictures are links to this server."""
    assert resource.scene
    return Body(_text(resource.scene), _MEDIA_TYPE, f"{resource.name}.kml")


def _text(make: Callable[[], Scene]) -> Iterator[bytes]:
    scene = make()
    yield from document(scene, drawn(scene), scene.link)


def drawn(scene: Scene) -> list[Drawn]:
    """The parts of a scene with their pictures, once all of these are drawn.

    Raises:
        InvalidRequest: A symbol or a renderer is not understood.
        GPServerError: A picture cannot be drawn.
    """
    orders = [_orders(part) for part in scene.parts]
    futures = [[scene.draw(order) if order else None for order in each] for each in orders]
    return [
        Drawn(part, [future.result() if future else None for future in each])
        for part, each in zip(scene.parts, futures, strict=True)
    ]


def _orders(part: Part) -> Sequence[Swatch | Picture | None]:
    match part:
        case Features():
            return icons(part)
        case Overlay():
            return [part.order]
        case Link():
            return []


def document(scene: Scene, parts: Sequence[Drawn], place: Callable[[Path], str]) -> Iterator[bytes]:
    """The text, in pieces of a few megabytes at most.

    Args:
        scene: What is shown.
        parts: Its parts.
        place: Gives what the text calls the place of a picture.

    Raises:
        InvalidRequest: The spatial reference of a layer is not known.
    """
    root = Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    top = _named(SubElement(root, "Document"), scene.name)
    SubElement(top, "open").text = "1"
    for number, each in enumerate(parts):
        _add(top, each.part, number, [place(picture) if picture else None for picture in each.pictures])
    first, *others = ElementTree.tostring(root, "utf-8", xml_declaration=True).split(_MARK)
    yield first
    layers = [(number, each.part) for number, each in enumerate(parts) if isinstance(each.part, Features)]
    for (number, layer), piece in zip(layers, others, strict=True):
        yield from texts(number, layer)
        yield piece


def _add(top: Element, part: Part, number: int, pictures: Sequence[str | None]) -> None:
    match part:
        case Features():
            # Readers look for the fields of a layer in the document that it is.
            inner = _named(SubElement(top, "Document"), part.name)
            add_head(inner, number, part, pictures)
            SubElement(inner, "Placemark")
        case Overlay():
            west, south, east, north = part.order.box
            sides = {"north": (north, 90), "south": (south, 90), "east": (east, 180), "west": (west, 180)}
            # A picture may reach over the edge of the world by a part of a pixel.
            box = {side: f"{min(max(degrees, -most), most):.9f}" for side, (degrees, most) in sides.items()}
            icon, height = Icon(href=pictures[0]), -number  # the greatest lies on top
            overlay = GroundOverlay(draworder=height, icon=icon, latlonbox=LatLonBox(**box))
            top.append(_named(element_of(overlay), part.name))
        case Link():
            link = NetworkLink(link=simplekml.Link(href=part.href))
            top.append(_named(element_of(link), part.name))


def _named(element: Element, name: str) -> Element:
    """The element with a name, which stands before all else in it."""
    # Not by simplekml, which leaves a CDATA section in a name as it is, and puts styles before it.
    element.insert(0, Element("name"))
    element[0].text = sayable(name)
    return element
