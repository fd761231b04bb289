"""When a fit stops early."""

from __future__ import annotations

from dataclasses import dataclass

from invrender.checks import above, at_least, share


@dataclass
class Stopping:
    """When to stop before the solver's stages have run out; the keys of ``stopping`` in a config.

    tolerance: a loss at or below it ends the stage.
    patience: so many steps without the loss falling by the share ``improvement`` end the stage.
    seconds: the budget of the whole fit, or None.

    Raises `UserError` for values out of range.
    """

    tolerance: float = 0.0
    patience: int = 50
    improvement: float = 1e-3
    seconds: float | None = None

    def __post_init__(self) -> None:
        at_least("stopping.tolerance", self.tolerance, 0)
        at_least("stopping.patience", self.patience, 1)
        share("stopping.improvement", self.improvement)
        if self.seconds is not None:
            above("stopping.seconds", self.seconds, 0)
