"""What networks without skip connections have in common: an encoder, decoder levels, and the ways to run them."""

from __future__ import annotations

from contextlib import AbstractContextManager

from torch import Tensor, nn

from pcrl.models.decoder import Decoded, DecoderLevel
from pcrl.models.merging.merge import Merge, merged
from pcrl.models.outputs import Compared


class NsUNet(nn.Module):
    """Base of the networks for volumes and images, which have `decoder`: a list of `DecoderLevel`s, coarsest first."""

    decoder: nn.ModuleList
    recompute = False
    """Compute encoder and decoder levels again in the backward instead of keeping what is within them: less memory, for
    the time of another forward pass. Gradients, statistics and weights are the same."""

    @property
    def decoder_levels(self) -> int:
        """Number of decoder levels."""
        return len(self.decoder)

    def compared(self, x: Tensor) -> Compared:
        """What `forward` gives to compare views by, without the restoration.

        Args:
            x: as `forward` takes it.

        Raises:
            ValueError: as `forward` does.
        """
        decoded = self._decoded(x, ())
        return Compared(decoded.projections, decoded.predictions)

    def merged(self) -> AbstractContextManager[None]:
        """Within it, weights do not change, and each decoder level runs its up-sampling and first convolution as one.

        The numbers are the same up to rounding. Kernels are put together when first used and shared by all forward
        passes within, so that it pays off for a whole step; one backward goes through all of them, within or after.

        Example:
            with network.merged():
                loss = objective.loss(objective(network, views, draws), views, draws, moment)
            loss.total.backward()
        """
        return merged(self._merges())

    def _decoded(self, x: Tensor, restore: tuple[int, ...]) -> Decoded:
        """All of `forward` but the restoration from the finest level."""
        raise NotImplementedError

    def _merges(self) -> list[Merge]:
        return [level.merge for level in self.decoder if isinstance(level, DecoderLevel)]
