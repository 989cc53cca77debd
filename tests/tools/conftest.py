"""What the tests of tools share: PostGIS as a second opinion."""

from postgresql import postgis

__all__ = ["postgis"]
