"""The fit: when it stops."""
