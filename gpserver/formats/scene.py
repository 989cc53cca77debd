"""A resource as it is seen on a globe: layers of features, pictures on the ground, links to others."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpserver.features.selection import Selection
from gpserver.maps.picture import Picture, Swatch


@dataclass(frozen=True, slots=True)
class Features:
    """A layer of features; ``drawing`` is its Esri drawingInfo."""

    name: str
    selection: Selection
    drawing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Overlay:
    """A picture on the ground; the order's box is in degrees of WGS84."""

    name: str
    order: Picture


@dataclass(frozen=True, slots=True)
class Link:
    """Another document of the same format; ``href`` is absolute."""

    name: str
    href: str


Part = Features | Overlay | Link


@dataclass(frozen=True, slots=True)
class Scene:
    """What a document for globes shows.

    Attributes:
        name: What it is called.
        parts: The first one on top.
        draw: Has a picture drawn: the studio of the server.
        link: The absolute URL of a drawn picture.
    """

    name: str
    parts: tuple[Part, ...]
    draw: Callable[[Picture | Swatch], Future[Path]]
    link: Callable[[Path], str]
