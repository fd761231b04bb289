"""The unknowns of a scene."""

from invrender.parameters.ambient import Ambient
from invrender.parameters.camera_focal import CameraFocal
from invrender.parameters.camera_intrinsics import CameraIntrinsics
from invrender.parameters.camera_pose import CameraPose
from invrender.parameters.camera_poses import CameraPoses
from invrender.parameters.camera_position import CameraPosition
from invrender.parameters.height_map import HeightMap
from invrender.parameters.light_color import LightColor
from invrender.parameters.light_direction import LightDirection
from invrender.parameters.light_intensity import LightIntensity
from invrender.parameters.light_position import LightPosition
from invrender.parameters.object_pose import ObjectPose
from invrender.parameters.surface_colors import Albedo, Texture, VertexColors
from invrender.parameters.values import Values
from invrender.parameters.vertices import Vertices

__all__ = [
    "Albedo",
    "Ambient",
    "CameraFocal",
    "CameraIntrinsics",
    "CameraPose",
    "CameraPoses",
    "CameraPosition",
    "HeightMap",
    "LightColor",
    "LightDirection",
    "LightIntensity",
    "LightPosition",
    "ObjectPose",
    "Texture",
    "Values",
    "VertexColors",
    "Vertices",
]
