"""Restoration only: PCRLv2 without any comparison of views. A control."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pcrl.training.objectives import pyramid
from pcrl.training.objectives.objective import Draws, Loss, Moment, Reading, Views
from pcrl.training.objectives.pyramid import Pyramid, ViewOutputs


class Restoration(Pyramid):
    """See `Objective`. The second view passes through the network all the same; see `Pyramid.forward`."""

    compares = False

    def loss(self, outputs: ViewOutputs, views: Views, draws: Draws, moment: Moment) -> Loss:
        """Errors of the restoration, and of that from a middle level."""
        outputs, level, weights = outputs.widened(), draws["levels"][0], self.settings
        restoration, mid = self.restored(outputs, views, level, moment)
        total = weights.restoration * restoration + weights.mid_restoration * mid
        terms = {"loss": total, "restoration": restoration, "mid_restoration": mid}
        return Loss(total, terms | self.psnr(outputs, views, level))

    def readings(self) -> Mapping[str, Reading]:
        """See `Objective`."""
        terms = {
            "loss": Reading("Weighted sum of the terms; lower is better.", shown=True),
            "restoration": pyramid.RESTORATION,
            "mid_restoration": pyramid.MID_RESTORATION,
        }
        return terms | self.psnr_readings()

    def pictures(self, outputs: ViewOutputs, views: Views, draws: Draws) -> Mapping[str, Tensor]:
        """The target, the input and the restored view."""
        return {"target": views.target, "corrupted": views.globals[0], "restored": outputs.first.restored}


build = Restoration
