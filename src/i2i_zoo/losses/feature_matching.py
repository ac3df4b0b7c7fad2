"""Feature matching: the discriminator should find the same features in generated and real pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def feature_matching_loss(fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]]) -> Tensor:
    """L1 distances between the maps of a multi-scale discriminator (Wang et al. 2018, eq. 4), unweighted.

    Each scale has a list of maps; the last map holds the logits and does not count.  The distances are means over each
    map, summed over maps and averaged over scales.  ``real`` gets no gradient.
    """
    distances = [
        F.l1_loss(a.float(), b.detach().float())
        for scale, reference in zip(fake, real, strict=True)
        for a, b in zip(scale[:-1], reference[:-1], strict=True)
    ]
    return torch.stack(distances).sum() / len(fake)
