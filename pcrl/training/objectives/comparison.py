"""Comparison only: PCRLv2 without any restoration. A control."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pcrl.config import Recipe
from pcrl.models.networks import Network
from pcrl.training.objectives import pyramid
from pcrl.training.objectives.objective import Draws, Loss, Moment, Reading, Views
from pcrl.training.objectives.pyramid import Pyramid, ViewOutputs


class Comparison(Pyramid):
    """See `Objective`."""

    restores = False

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__(recipe, network)
        self.uses_locals = bool(self.settings.local_cosine)

    def loss(self, outputs: ViewOutputs, views: Views, draws: Draws, moment: Moment) -> Loss:
        """Agreement of the global views, and of local with global ones."""
        outputs, weights = outputs.widened(), self.settings
        global_cosine, local_cosine = self.compared(outputs, views, draws["levels"])
        total = weights.global_cosine * global_cosine + weights.local_cosine * local_cosine
        terms = {"loss": total, "global_cosine": global_cosine, "local_cosine": local_cosine}
        return Loss(total, terms | self.spread(outputs))

    def readings(self) -> Mapping[str, Reading]:
        """See `Objective`."""
        terms = {
            "loss": pyramid.LOSS,
            "global_cosine": pyramid.GLOBAL_COSINE,
            "local_cosine": pyramid.LOCAL_COSINE,
        }
        return terms | self.spread_readings()

    def pictures(self, outputs: ViewOutputs, views: Views, draws: Draws) -> Mapping[str, Tensor]:
        """The views that are compared."""
        return {"view 1": views.globals[0], "view 2": views.globals[1]}


build = Comparison
