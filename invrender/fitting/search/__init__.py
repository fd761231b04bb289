"""Searches: other starts, and other answers."""

from invrender.fitting.search.search import Mode, Search

__all__ = ["Mode", "Search"]
