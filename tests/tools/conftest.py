"""What the tests of tools share with those of maps: PostGIS as a second opinion."""

from maps.conftest import postgis

__all__ = ["postgis"]
