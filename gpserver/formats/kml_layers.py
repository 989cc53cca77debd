"""A layer of features in a KML document: its styles, its schema, its placemarks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pyarrow as pa

from gpserver.errors import InvalidRequest
from gpserver.features.geographic import geographic_chunks
from gpserver.features.kml import placemarks, schema_type
from gpserver.features.markup import escaped_column, sayable, value_texts
from gpserver.formats.kml_styles import icon, style_of
from gpserver.formats.scene import Features
from gpserver.maps.description import display_field
from gpserver.maps.labeling import expression_of, label_texts
from gpserver.maps.picture import Swatch
from gpserver.maps.query import columns_at
from gpserver.maps.renderer import classify
from gpserver.maps.symbols import TextSymbol, read_symbol

_DECIMALS = 9  # a tenth of a millimetre: what follows is noise of the transformation
_HIDDEN = "<visibility>0</visibility>"  # a feature that its renderer does not draw


def icons(layer: Features) -> list[Swatch | None]:
    """The order of the icon of each class of a layer; None where it has none.

    Raises:
        InvalidRequest: The renderer or a symbol is not understood.
    """
    return [icon(symbol) for symbol in _symbols(layer)]


def add_head(parent: Element, number: int, layer: Features, icons: Sequence[str | None]) -> None:
    """Add what placemarks refer to: a style for every class of a layer, and its fields.

    Args:
        parent: The document of the layer.
        number: The number of the layer.
        layer: The layer.
        icons: Where the icon of each class is.
    """
    label = _label(layer)
    letters = read_symbol(label["symbol"]) if label else None
    font = letters if isinstance(letters, TextSymbol) else None
    opacity = 1 - float(layer.drawing.get("transparency") or 0) / 100
    for which, (symbol, picture) in enumerate(zip(_symbols(layer), icons, strict=True)):
        parent.append(style_of(_style(number, which), read_symbol(symbol), picture, opacity, font))
    schema = SubElement(parent, "Schema", name=sayable(layer.name), id=_schema(number))
    for field in layer.selection.chosen_fields:
        simple = SubElement(schema, "SimpleField", type=schema_type(field), name=sayable(field["name"]))
        SubElement(simple, "displayName").text = sayable(field["alias"])


def texts(number: int, layer: Features) -> Iterator[bytes]:
    """The placemarks of a layer, in pieces of a few megabytes at most.

    Raises:
        InvalidRequest: Its spatial reference is not known.
    """
    selection, fields = layer.selection, layer.selection.chosen_fields
    if selection.crs is None:
        raise InvalidRequest(
            f"The spatial reference of {layer.name} is not known, so it has no place on a globe."
        )
    styles = [f"<styleUrl>#{_style(number, which)}</styleUrl>" for which in range(len(_symbols(layer)))]
    looks = pa.array([*styles, _HIDDEN])
    for chunk in geographic_chunks(selection, _DECIMALS):
        column = columns_at(selection.layer, chunk.rows)
        which = classify(_renderer(layer), column, len(chunk.rows)).which
        names = _names(layer, column, len(chunk.rows))
        yield placemarks(chunk, fields, _schema(number), names, looks.take(pa.array(which % len(looks))))


def _names(layer: Features, column: Callable[[str], Any], rows: int) -> Any:
    """What each feature is called: its label, or else what its display field says."""
    if label := _label(layer):
        return escaped_column(pa.array(label_texts(expression_of(label), column, rows), pa.large_string()))
    return value_texts(column(display_field(layer.selection.chosen_fields)))


def _renderer(layer: Features) -> Mapping[str, Any]:
    renderer: Mapping[str, Any] = layer.drawing["renderer"]
    return renderer


def _symbols(layer: Features) -> list[Mapping[str, Any]]:
    return classify(_renderer(layer), None, 0).symbols


def _label(layer: Features) -> dict[str, Any] | None:
    """Its first label class: a feature of KML has one name."""
    return next(iter(layer.drawing.get("labelingInfo") or ()), None)


def _style(number: int, which: int) -> str:
    return f"style{number}.{which}"


def _schema(number: int) -> str:
    return f"fields{number}"
