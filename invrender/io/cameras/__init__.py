"""Cameras: from keys of configs and from camera files, and back."""
