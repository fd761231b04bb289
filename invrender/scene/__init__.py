"""What is rendered and what is to be explained: frozen dataclasses of tensors.

Conventions (declared here, used everywhere):

- World: right-handed, in metres or the scene's own unit. Camera axes as in OpenCV: x right, y down, z forward.
- Transforms are named ``target_from_source`` and multiply column vectors.
- Pixels: the centre of the pixel in row i, column j is (x, y) = (j + 0.5, i + 0.5).
- Colour is linear RGB, nominally in [0, 1] and not clamped. Angles are in radians.
"""

from invrender.scene.camera import WHOLE, Camera, Projection, Window
from invrender.scene.lens import Lens, LensModel
from invrender.scene.lights import AmbientLight, DirectionalLight, Falloff, HarmonicLight, Light, PointLight
from invrender.scene.material import PRINCIPLED, Material, Model, Property, phong, principled
from invrender.scene.mesh import Mesh
from invrender.scene.picture import Channels, Picture
from invrender.scene.scene import CAMERA, Object, Scene
from invrender.scene.target import Target, Truth, View, view_of
from invrender.scene.tensors import convert, detach, map_tensors

__all__ = [
    "CAMERA",
    "PRINCIPLED",
    "WHOLE",
    "AmbientLight",
    "Camera",
    "Channels",
    "DirectionalLight",
    "Falloff",
    "HarmonicLight",
    "Lens",
    "LensModel",
    "Light",
    "Material",
    "Mesh",
    "Model",
    "Object",
    "Picture",
    "PointLight",
    "Projection",
    "Property",
    "Scene",
    "Target",
    "Truth",
    "View",
    "Window",
    "convert",
    "detach",
    "map_tensors",
    "phong",
    "principled",
    "view_of",
]
