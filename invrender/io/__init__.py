"""Files in and out: pictures, meshes, cameras and whole scenes."""
