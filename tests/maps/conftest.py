"""What the tests of maps share: PostGIS as a second opinion."""

from postgresql import postgis

__all__ = ["postgis"]
