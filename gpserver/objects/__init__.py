"""An object store, and files of it that come over in pieces, as they are read."""

from gpserver.objects.pieces import Pieces
from gpserver.objects.store import Objects, StoreFailed

__all__ = ["Objects", "Pieces", "StoreFailed"]
