"""Networks that learn through the renderer."""
