"""A network that says from where a picture of a scene was taken, and in which light."""
