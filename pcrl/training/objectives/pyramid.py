"""What PCRLv2 and its controls share: views through the pyramid, terms on its levels, and how to read them.

    C(a, b; s) = −½ [cos(p_s(a), stopgrad z_s(b)) + cos(p_s(b), stopgrad z_s(a))]

Source: the paper (section 3) and its published code.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from pcrl.config import ImageRecipe, Pcrlv2, Recipe
from pcrl.models.images.inputs import UNIT
from pcrl.models.networks import Network
from pcrl.models.outputs import Compared, Outputs
from pcrl.training.objectives.objective import Draws, Keys, Moment, Objective, Reading, Views

LOSS = Reading(
    "Weighted sum of the terms; lower is better. The comparison terms can make it negative.", shown=True
)
RESTORATION = Reading("Mean squared error of the restored view; lower is better.", shown=True)
MID_RESTORATION = Reading(
    "The same from a middle level of the decoder, times beta, which falls from 1 to 0 during the run."
)
GLOBAL_COSINE = Reading(
    "Negative cosine similarity of the two global views, from 1 to −1; lower is better.", shown=True
)
LOCAL_COSINE = Reading("Negative cosine similarity of local and global views, from 1 to −1; lower is better.")

T = TypeVar("T", Outputs, Compared)


class ViewOutputs(NamedTuple):
    """Outputs for the two global views, and for all local views concatenated along the batch (view-major)."""

    first: Outputs
    second: Compared
    locals: Compared | None

    def widened(self) -> ViewOutputs:
        """See `Outputs.widened`."""
        together = self.locals.widened() if self.locals is not None else None
        return ViewOutputs(self.first.widened(), self.second.widened(), together)


class Pyramid(Objective):
    """Both global views, and the local ones, pass through the network; terms are taken on levels drawn at random.

    What is drawn: `levels`, first that of the global pair (and of the restoration from a middle level), then those of
    local view 0 against global 1, local view 0 against global 2, local view 1 against global 1, and so on.
    """

    settings: Pcrlv2
    restores: ClassVar[bool] = True
    """Whether the loss has a restoration."""
    compares: ClassVar[bool] = True
    """Whether the loss compares views."""

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__()
        assert isinstance(recipe.objective, Pcrlv2)
        self.settings, self.levels = recipe.objective, network.decoder_levels
        self.local_views = recipe.views.locals
        self.unit = UNIT if isinstance(recipe, ImageRecipe) else 1.0

    def draw(self, keys: Keys) -> Draws:
        """See `Objective`."""
        # Here, as it loads Numba, which nothing else of a step needs.
        from pcrl.kernels.streams import Draws as Stream

        stream = Stream(keys.step)
        return {"levels": [stream.integer(0, self.levels - 1) for _ in range(1 + 2 * self.local_views)]}

    def forward(self, network: Network, views: Views, draws: Draws) -> ViewOutputs:
        """The three forward passes of a step. The second one runs in every objective of this kind: the running
        statistics of BatchNorm are part of the weights.

        What cannot be part of the loss has no gradient: a compiled backward goes through all that has one, with zeros
        where the loss gave none.
        """
        level = draws["levels"][0]
        first = network(views.globals[0], restore=(level,))
        if not self.restores:
            mids = {level: mid.detach() for level, mid in first.mids.items()}
            first = first._replace(restored=first.restored.detach(), mids=mids)
        second = network.compared(views.globals[1])
        together = network.compared(views.locals.flatten(0, 1)) if len(views.locals) else None
        # Local views draw levels of their own, which are not constants of the graph: it goes to the finest for them.
        drawn = (level,) if together is None else range(self.levels)
        levels: Collection[int] = drawn if self.compares else ()
        return ViewOutputs(_with_gradient(first, levels), _with_gradient(second, levels), together)

    def restored(
        self, outputs: ViewOutputs, views: Views, level: int, moment: Moment
    ) -> tuple[Tensor, Tensor]:
        """Errors of the restoration, and of that from a middle level; 0 where its weight is."""
        first, target, zero = outputs.first, views.target, _zero(views)
        final = (
            functional.mse_loss(first.restored.to(target.dtype), target)
            if self.settings.restoration
            else zero
        )
        if not self.settings.mid_restoration:
            return final, zero
        return final, beta(moment.epoch, moment.epochs) * functional.mse_loss(
            first.mids[level].to(target.dtype), target
        )

    def compared(self, outputs: ViewOutputs, views: Views, levels: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Agreement of the global views, and of local with global ones; 0 where its weight is."""
        first, second, zero = outputs.first, outputs.second, _zero(views)
        between = agreement(first, second, levels[0]) if self.settings.global_cosine else zero
        if outputs.locals is None or not self.settings.local_cosine:
            return between, zero
        both: tuple[Outputs | Compared, ...] = (first, second)
        pairs = [
            agreement(one, local, levels[1 + 2 * number + which])
            for number, local in enumerate(_per_view(outputs.locals, len(views.target)))
            for which, one in enumerate(both)
        ]
        return between, torch.stack(pairs).mean()

    def psnr(self, outputs: ViewOutputs, views: Views, level: int) -> dict[str, Tensor]:
        """PSNR of each restoration, on the [0, 1] of the pixels; NaN for levels that were not drawn."""
        first = outputs.first
        missing = torch.full((), math.nan, device=views.target.device)
        with torch.no_grad():
            values = {"psnr": _psnr(first.restored, views.target, self.unit)}
            for each in range(self.levels):
                mid = _psnr(first.mids[level], views.target, self.unit) if each == level else missing
                values[f"psnr_level_{each}"] = mid
        return values

    def spread(self, outputs: ViewOutputs) -> dict[str, Tensor]:
        """Standard deviation over the batch of each level's normalised projections, times √C."""
        values = {}
        with torch.no_grad():
            for level, z in enumerate(outputs.first.projections):
                directions = functional.normalize(z.float())
                values[f"spread_level_{level}"] = directions.std(dim=0).mean() * math.sqrt(z.shape[1])
        return values

    def psnr_readings(self) -> dict[str, Reading]:
        """How to read `psnr`."""
        names = {
            "psnr": "the restoration",
            **{f"psnr_level_{n}": f"that from level {n}" for n in range(self.levels)},
        }
        return {name: Reading(f"PSNR of {what} in dB; higher is better.") for name, what in names.items()}

    def spread_readings(self) -> dict[str, Reading]:
        """How to read `spread`."""
        text = (
            "near 1 the projections of level {} differ between samples; near 0 they are all alike (collapse)."
        )
        return {f"spread_level_{n}": Reading(f"Spread: {text.format(n)}") for n in range(self.levels)}


def beta(epoch: int, epochs: int) -> float:
    """Weight of the restoration from a middle level: falls from 1 to 0 along a cosine."""
    return 0.5 * (1 + math.cos(math.pi * epoch / epochs))


def agreement(a: Outputs | Compared, b: Outputs | Compared, level: int) -> Tensor:
    """C(a, b; level): −1 when each view's prediction points where the other's projection does."""
    one = functional.cosine_similarity(a.predictions[level], b.projections[level].detach())
    two = functional.cosine_similarity(b.predictions[level], a.projections[level].detach())
    return -0.5 * (one.mean() + two.mean())


def _zero(views: Views) -> Tensor:
    return torch.zeros((), dtype=torch.float32, device=views.target.device)


def _psnr(restored: Tensor, target: Tensor, unit: float) -> Tensor:
    return -10 * torch.log10(functional.mse_loss(restored.float(), target) * unit**2)


def _with_gradient(outputs: T, levels: Collection[int]) -> T:
    """The same, with a gradient in the projections and predictions of these levels only."""
    projections, predictions = (
        [vector if level in levels else vector.detach() for level, vector in enumerate(vectors)]
        for vectors in (outputs.projections, outputs.predictions)
    )
    return outputs._replace(projections=projections, predictions=predictions)


def _per_view(outputs: Compared, batch: int) -> list[Compared]:
    """Undo the concatenation of local views: projections and predictions of each."""
    projections = [z.split(batch) for z in outputs.projections]
    predictions = [p.split(batch) for p in outputs.predictions]
    return [
        Compared([z[n] for z in projections], [p[n] for p in predictions]) for n in range(len(projections[0]))
    ]
