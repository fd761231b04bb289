"""What `import invrender` offers, and where it is: for type checkers, and for the package when a name is asked for."""

from invrender.config.assemble import Experiment as Experiment
from invrender.config.calls import fit as fit
from invrender.config.calls import load_experiment as load_experiment
from invrender.config.calls import load_scene as load_scene
from invrender.errors import UserError as UserError
from invrender.fitting.problem import Problem as Problem
from invrender.fitting.step import Step as Step
from invrender.geometry.cameras import look_at as look_at
from invrender.io.scenes import write_scene as write_scene
from invrender.record.animation import Animation as Animation
from invrender.record.curves import Point as Point
from invrender.record.curves import write_curves as write_curves
from invrender.record.display import difference_pictures as difference_pictures
from invrender.record.display import overlay_pictures as overlay_pictures
from invrender.record.display import rendered_pictures as rendered_pictures
from invrender.record.display import srgb_picture as srgb_picture
from invrender.record.display import strip as strip
from invrender.record.panels import step_panel as step_panel
from invrender.record.report import write_report as write_report
from invrender.render.base import Quality as Quality
from invrender.render.base import Renderer as Renderer
from invrender.render.base import Shot as Shot
from invrender.render.edge import EdgeRenderer as EdgeRenderer
from invrender.render.embedded import EmbeddedRenderer as EmbeddedRenderer
from invrender.render.hard import HardRenderer as HardRenderer
from invrender.render.layer import RenderLayer as RenderLayer
from invrender.render.layer import render as render
from invrender.render.soft import SoftRenderer as SoftRenderer
from invrender.render.stages import Raster as Raster
from invrender.render.stages import antialias as antialias
from invrender.render.stages import interpolate as interpolate
from invrender.render.stages import rasterize as rasterize
from invrender.render.stages import shade as shade
from invrender.scene import AmbientLight as AmbientLight
from invrender.scene import Camera as Camera
from invrender.scene import DirectionalLight as DirectionalLight
from invrender.scene import Material as Material
from invrender.scene import Mesh as Mesh
from invrender.scene import Object as Object
from invrender.scene import Picture as Picture
from invrender.scene import PointLight as PointLight
from invrender.scene import Scene as Scene
from invrender.scene import Target as Target
from invrender.scene import View as View
from invrender.scene import phong as phong
from invrender.scene import view_of as view_of
from invrender.scene.address import find_tensors as find_tensors
from invrender.scene.address import get_tensors as get_tensors
from invrender.scene.address import set_tensors as set_tensors

__version__: str
__all__: list[str]
