"""PCRLv2: views are restored and compared, on several levels of the pyramid.

    L = MSE(restored, t) + C(x1, x2; s) + beta · MSE(mid_s, t) + mean over locals × globals of C(global, local; own s)

Source: the published code; every term has a weight in the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pcrl.config import Recipe
from pcrl.models.networks import Network
from pcrl.training.objectives import pyramid
from pcrl.training.objectives.objective import Draws, Loss, Moment, Reading, Views
from pcrl.training.objectives.pyramid import Pyramid, ViewOutputs


class Pcrlv2(Pyramid):
    """The whole objective; see `Objective`."""

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__(recipe, network)
        self.uses_locals = bool(self.settings.local_cosine)

    def loss(self, outputs: ViewOutputs, views: Views, draws: Draws, moment: Moment) -> Loss:
        """Terms are logged unweighted, but for beta in `mid_restoration`."""
        outputs, levels, weights = outputs.widened(), draws["levels"], self.settings
        restoration, mid = self.restored(outputs, views, levels[0], moment)
        global_cosine, local_cosine = self.compared(outputs, views, levels)
        total = (
            weights.restoration * restoration
            + weights.global_cosine * global_cosine
            + weights.local_cosine * local_cosine
            + weights.mid_restoration * mid
        )
        terms = {
            "loss": total, "restoration": restoration, "global_cosine": global_cosine, "local_cosine": local_cosine,
            "mid_restoration": mid,
        }  # fmt: skip
        return Loss(total, terms | self.psnr(outputs, views, levels[0]) | self.spread(outputs))

    def readings(self) -> Mapping[str, Reading]:
        """See `Objective`."""
        terms = {
            "loss": pyramid.LOSS,
            "restoration": pyramid.RESTORATION,
            "global_cosine": pyramid.GLOBAL_COSINE,
            "local_cosine": pyramid.LOCAL_COSINE,
            "mid_restoration": pyramid.MID_RESTORATION,
        }
        return terms | self.psnr_readings() | self.spread_readings()

    def pictures(self, outputs: ViewOutputs, views: Views, draws: Draws) -> Mapping[str, Tensor]:
        """The target, the input and the restored view."""
        return {"target": views.target, "corrupted": views.globals[0], "restored": outputs.first.restored}


build = Pcrlv2
