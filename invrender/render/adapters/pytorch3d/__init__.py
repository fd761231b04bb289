"""PyTorch3D as a renderer; `adapter` alone imports it."""
