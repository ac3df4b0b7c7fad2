"""FID, KID and Inception score as torch-fidelity computes them, and LPIPS; all through torchmetrics.

`FID` computes the Fréchet distance of any features; it is FID only with Inception's.

Pictures are rounded to 8 bits first, as in a file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch import distributed as dist
from torchmetrics import Metric
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from torchmetrics.utilities.data import dim_zero_cat

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_uint8
from i2i_zoo.pretrained.weights import fetch

_SEED = 2020  # as in torch-fidelity, for the same draws


def rgb(pictures: Tensor) -> Tensor:
    """(B, 1 or 3, H, W) to (B, 3, H, W); raises `ZooError` for other numbers of channels."""
    if pictures.shape[1] not in (1, 3):
        raise ZooError(f"Features of photographs need 1 or 3 channels, not {pictures.shape[1]}.")
    return pictures.expand(-1, 3, -1, -1)


class FID(FrechetInceptionDistance):
    """Fréchet distance of the features of outputs and targets (Heusel et al. 2017); lower is better.

    Args:
        features: (B, 3, H, W) uint8 to (B, ``num_features``).
        called: The name of the distance with these features, for messages.
    """

    #: What is counted, for messages.
    things = "pictures"

    def __init__(self, features: nn.Module, called: str = "FID") -> None:
        super().__init__(features)
        self.called = called

    def prepared(self, pictures: Tensor) -> Tensor:
        """What the features are computed from."""
        return to_uint8(rgb(pictures))

    def update(self, output: Tensor, target: Tensor) -> None:  # type: ignore[override]  # outputs and targets together
        """Count outputs and targets (B, 1 or 3, H, W) in [-1, 1]."""
        super().update(self.prepared(output), real=False)
        super().update(self.prepared(target), real=True)

    def compute(self) -> Tensor:
        if self.fake_features_num_samples < 2:
            raise ZooError(f"{self.called} needs at least 2 {self.things}.")
        return super().compute()


class InOrder(Metric):
    """A metric that draws pictures at random, and so keeps them in the order of the data for any number of processes.

    Processes take pictures in turn, as in `i2i_zoo.data.sampler`.
    """

    positions: list[Tensor]

    def note_positions(self, count: int) -> None:
        """Note that this process adds ``count`` pictures."""
        distributed = dist.is_available() and dist.is_initialized()
        rank, world = (dist.get_rank(), dist.get_world_size()) if distributed else (0, 1)
        begin = sum(map(len, self.positions))
        self.positions.append(
            torch.arange(begin, begin + count, dtype=torch.float32, device=self.device) * world + rank
        )

    def in_order(self, features: list[Tensor]) -> Tensor:
        return dim_zero_cat(features).double()[dim_zero_cat(self.positions).argsort()]


class KID(KernelInceptionDistance, InOrder):
    """Kernel distance of the features of outputs and targets (Binkowski et al. 2018); lower is better.

    It has the cubic polynomial kernel and the same random subsets as torch-fidelity.

    Args:
        features: See `FID`.
        subsets: Number of random subsets.
        subset_size: Number of pictures in each.
    """

    real_features: list[Tensor]
    fake_features: list[Tensor]

    def __init__(self, features: nn.Module, subsets: int = 100, subset_size: int = 1000) -> None:
        super().__init__(features, subsets, subset_size)
        self.add_state("positions", [], dist_reduce_fx="cat")
        # torchmetrics would gather the lists item by item, which is wrong if processes have unequal numbers of items.
        self._reductions.update(real_features=dim_zero_cat, fake_features=dim_zero_cat)

    def update(self, output: Tensor, target: Tensor) -> None:  # type: ignore[override]  # outputs and targets together
        """Count outputs and targets (B, 1 or 3, H, W) in [-1, 1]."""
        self.note_positions(len(output))
        super().update(to_uint8(rgb(output)), real=False)
        super().update(to_uint8(rgb(target)), real=True)

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]  # names the two numbers
        """``mean`` and ``std`` over the subsets."""
        fake, real = self.in_order(self.fake_features), self.in_order(self.real_features)
        if len(fake) < self.subset_size:
            raise ZooError(
                f"KID takes subsets of {self.subset_size} pictures, and there are {len(fake)}: "
                "choose a smaller subset_size."
            )
        random = np.random.RandomState(_SEED)
        distances = []
        for _ in range(self.subsets):
            chosen = [random.choice(len(part), self.subset_size, replace=False) for part in (fake, real)]
            distances.append(poly_mmd(fake[chosen[0]], real[chosen[1]], self.degree, self.gamma, self.coef))
        found = torch.stack(distances)
        return {"mean": found.mean().float(), "std": found.std(unbiased=False).float()}


class IS(InceptionScore, InOrder):
    """Inception score of the outputs (Salimans et al. 2016); higher is better.

    Args:
        logits: (B, 3, H, W) uint8 to (B, classes).
        splits: Number of parts of the shuffled outputs; each part is scored separately.
    """

    features: list[Tensor]

    def __init__(self, logits: nn.Module, splits: int = 10) -> None:
        super().__init__(logits, splits)
        self.add_state("positions", [], dist_reduce_fx="cat")
        self._reductions["features"] = dim_zero_cat  # as in KID

    def update(self, output: Tensor) -> None:
        """Count outputs (B, 1 or 3, H, W) in [-1, 1]."""
        self.note_positions(len(output))
        super().update(to_uint8(rgb(output)))

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]  # names the two numbers
        """``mean`` and ``std`` over the parts."""
        logits = self.in_order(self.features)
        if len(logits) < self.splits:
            raise ZooError(f"The Inception score of {self.splits} splits needs more than {len(logits)} pictures.")
        logits = logits[np.random.RandomState(_SEED).permutation(len(logits))]
        scores = []
        for part in range(self.splits):
            begin, end = part * len(logits) // self.splits, (part + 1) * len(logits) // self.splits
            conditional = logits[begin:end].log_softmax(1)
            marginal = conditional.exp().mean(0, keepdim=True).log()
            scores.append((conditional.exp() * (conditional - marginal)).sum(1).mean().exp())
        found = torch.stack(scores)
        return {"mean": found.mean().float(), "std": found.std(unbiased=False).float()}


class Perceptual(nn.Module):
    """LPIPS (Zhang et al. 2018): outputs and targets (B, 1 or 3, H, W) in [0, 1] to one number for each picture (B,).

    Args:
        net: ``alex``, ``vgg`` or ``squeeze``.

    Raises:
        MissingWeights: If the network's ImageNet weights cannot be fetched from torchvision.
        ZooError: For an unknown network.
    """

    def __init__(self, net: str = "alex") -> None:
        super().__init__()
        trunks: dict[str, Any] = {
            "alex": torchvision.models.AlexNet_Weights,
            "vgg": torchvision.models.VGG16_Weights,
            "squeeze": torchvision.models.SqueezeNet1_1_Weights,
        }
        if net not in trunks:
            raise ZooError(f"LPIPS has no net {net!r}: choose from {', '.join(trunks)}.")
        fetch(trunks[net].DEFAULT.url)  # to where torchvision looks for it
        name: Any = net  # a Literal, as was just checked
        self.net = LearnedPerceptualImagePatchSimilarity(name).net

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        distances: Tensor = self.net(rgb(output), rgb(target), normalize=True)
        return distances.flatten()
