"""Where values by reference come from: layers, queries and files by URL, and uploaded items."""

from gpserver.sources.source import Sources

__all__ = ["Sources"]
