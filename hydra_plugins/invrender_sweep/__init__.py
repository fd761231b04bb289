"""Where Hydra looks for plugins; what they do is in `invrender.sweep`."""

from invrender.sweep.processes import ProcessesLauncher
from invrender.sweep.search import SearchSweep
from invrender.sweep.sweeper import Sweep


class Processes(ProcessesLauncher):
    """Jobs on the cores of this machine."""


class Grid(Sweep):
    """Every combination of the values given."""


class Search(SearchSweep):
    """Values that Optuna draws."""
