"""Colours as publishers write them, and as Esri's JSON does; palettes of them."""

from collections.abc import Sequence

import numpy as np

from gpserver.errors import PublishingError

Color = str | tuple[int, ...]
"""A CSS name, "#rrggbb", "#rrggbbaa", or a tuple of red, green, blue and perhaps alpha, 0 to 255."""
Rgba = list[int]
"""Red, green, blue, alpha, 0 to 255: a colour in Esri's JSON."""

BLUE, GRAY, DARK, WHITE = "#3a81d7", "#9a9da3", "#2b2d31", "#ffffff"

# Made in the OKLCH space: sequential ones grow darker step by step, diverging ones are lightest in their
# middle, qualitative ones differ in hue and lightness. Viridis, which grows lighter, is matplotlib's (CC0).
PALETTES = {
    name: tuple(f"#{color}" for color in colors.split())
    for name, colors in {
        "blues": "d4edf7 9ad2ee 5eb6e6 4694d2 3772bb 295598 1b3a76",
        "greens": "e3f2ce b5d99c 7fc170 5aa35e 34864b 1c673c 07492c",
        "oranges": "fde8c6 f7c589 f29d4b dd7b2b c75905 a3440e 81300f",
        "purples": "ece4f6 d2bfea b99bde 9e79cb 8457b8 673c9b 4b1f7e",
        "grays": "e6e8ea c7c8ca a8aaab 8b8c8e 6e7071 535456 393b3c",
        "sunset": "feeba6 febd74 fe8758 e35b6d b54377 843275 542467",
        "ocean": "e6f2c5 a3dcae 5cc2ad 2ca0ac 077ea3 1b5a8f 233971",
        "viridis": "440154 443983 31688e 21918c 35b779 90d743 fde725",
        "blue-red": "104a97 3a7ebe 86b5db efeeeb e09c86 c25941 9b1f1d",
        "teal-brown": "035959 308f8b 85c0bc f0eeeb d0b386 a8773d 713f11",
        "green-purple": "135d27 4c9058 93c198 efeeeb c19fd8 9460b5 642e8a",
        "vivid": "3a81d7 e77f3e 36a558 ca545a 8959ba dcbc33 0ba6ad de75b4 9bc14d 4851b0 8d5e03 017465",
        "soft": "8baeda f4bd9f 95c59e d69897 a993c4 eddea5 81cdd1 efb7d6 d2e7b1 7983b4 ad8c5d 549b8e",
    }.items()
}
_QUALITATIVE = ("vivid", "soft")

Palette = str | Sequence[Color]
"""The name of one of ``PALETTES``, or colours."""


def rgba(color: Color, opacity: float = 1.0) -> Rgba:
    """A colour as Esri's JSON writes it.

    Args:
        color: The colour.
        opacity: Its opacity, 0 to 1, where it says nothing of one itself.

    Raises:
        PublishingError: It is not a colour.
    """
    from PIL import ImageColor

    try:
        parts = ImageColor.getrgb(color) if isinstance(color, str) else tuple(map(int, color))
    except (ValueError, TypeError):
        parts = ()
    if len(parts) not in (3, 4) or not all(0 <= part <= 255 for part in parts):
        raise PublishingError(
            f"{color!r} is not a colour.",
            'Write a CSS name, "#rrggbb", "#rrggbbaa", or a tuple (red, green, blue) of 0 to 255.',
        )
    return [*parts[:3], parts[3] if len(parts) == 4 else round(255 * opacity)]


def shade(color: Rgba, amount: float) -> Rgba:
    """A colour mixed with black (amount below 0) or white (above 0); 1 is pure white. Alpha stays."""
    end = 255 if amount > 0 else 0
    return [*(round(part + (end - part) * abs(amount)) for part in color[:3]), color[3]]


def is_light(color: Rgba) -> bool:
    """Whether white would be lost beside it: by luma (ITU-R BT.601), as good as any here."""
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 185


def read_palette(palette: Palette) -> list[Rgba]:
    """The colours of a palette.

    Raises:
        PublishingError: There is no palette of this name, or it holds no colours.
    """
    colors = PALETTES.get(palette.lower()) if isinstance(palette, str) else palette
    if not colors:
        known = ", ".join(PALETTES)
        raise PublishingError(f"{palette!r} is not a palette.", f"Use {known}, or a list of colours.")
    return [rgba(color) for color in colors]


def gradient(palette: Palette, count: int) -> list[Rgba]:
    """``count`` colours from the first to the last of a palette, in even steps."""
    table = np.array(read_palette(palette), np.float64)
    steps = np.linspace(0, len(table) - 1, count) if count != 1 else np.array([(len(table) - 1) / 2])
    mixed = np.stack([np.interp(steps, np.arange(len(table)), channel) for channel in table.T], axis=1)
    return [[round(part) for part in color] for color in mixed.tolist()]


def distinct(palette: Palette, count: int) -> list[Rgba]:
    """``count`` colours to tell kinds apart: those of the palette, then the same lighter and darker."""
    if isinstance(palette, str) and palette.lower() not in _QUALITATIVE:
        return gradient(palette, count)
    table = read_palette(palette)
    amounts = (0, 0.45, -0.4)
    return [shade(table[i % len(table)], amounts[i // len(table) % len(amounts)]) for i in range(count)]
