"""Photographs, drawn: of scenes that are known, with what is in the way of real ones."""
