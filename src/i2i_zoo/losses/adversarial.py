"""Adversarial losses and the image pool."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

ADVERSARIAL = ("vanilla", "lsgan", "hinge", "wgangp")


def adversarial_loss(logits: Tensor, real: bool, kind: str = "vanilla", *, generator: bool = False) -> Tensor:
    """How far the discriminator's ``logits`` (any shape) are from the verdict ``real``: a mean, in float32.

    Args:
        logits: Outputs of the discriminator for real or generated images.
        real: The verdict to compare with: real or generated.
        kind: ``vanilla``: cross-entropy (Goodfellow et al. 2014; the non-saturating one for the generator). ``lsgan``:
            squared distance to 1 or 0 (Mao et al. 2017). ``hinge`` (Lim and Ye 2017): the hinge for the discriminator,
            minus the mean for the generator. ``wgangp``: minus or plus the mean (Gulrajani et al. 2017).
        generator: Whether this is the generator's loss; it only matters for ``hinge``.

    Raises:
        ZooError: For an unknown kind.
    """
    logits = logits.float()
    if kind == "vanilla":
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))
    if kind == "lsgan":
        return F.mse_loss(logits, torch.full_like(logits, float(real)))
    if kind == "wgangp" or (kind == "hinge" and generator):
        return -logits.mean() if real else logits.mean()
    if kind == "hinge":
        return F.relu(1 - logits if real else 1 + logits).mean()
    raise ZooError(f"Unknown adversarial loss {kind!r}: choose from {', '.join(ADVERSARIAL)}.")


def adversarial_losses(
    logits: Iterable[Tensor], real: bool, kind: str = "vanilla", *, generator: bool = False
) -> Tensor:
    """The sum over scales of `adversarial_loss`."""
    return torch.stack([adversarial_loss(scale, real, kind, generator=generator) for scale in logits]).sum()


def gradient_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor, alpha: Tensor | None = None) -> Tensor:
    """Mean of (|gradient| - 1)**2 at points between ``real`` and ``fake`` (Gulrajani et al. 2017, eq. 3), unweighted.

    The norm is taken over all values of an image, with 1e-16 added to each of them as in pix2pix's code.

    Args:
        discriminator: Takes images, returns logits of any shape.
        real: Real images (B, ...).
        fake: Generated images (B, ...), detached.
        alpha: Weights (B, 1, ..., 1) of the real images; by default drawn uniformly from [0, 1).
    """
    if alpha is None:
        alpha = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device, dtype=real.dtype)
    mixed = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
    verdict = discriminator(mixed)
    (gradient,) = torch.autograd.grad(verdict, mixed, torch.ones_like(verdict), create_graph=True)
    norms: Tensor = (gradient.flatten(1) + 1e-16).norm(2, dim=1)
    return (norms - 1).square().mean()


@torch.no_grad()
def clip_weights(network: nn.Module, limit: float) -> None:
    """Bound the absolute value of every parameter, those of norms too, in place (Arjovsky et al. 2017)."""
    for parameter in network.parameters():
        parameter.clamp_(-limit, limit)


class ImagePool:
    """A history of generated images for the discriminator (Shrivastava et al. 2017; CycleGAN uses 50).

    While the pool fills, images pass through unchanged.  Then each is exchanged, with a probability of one half,
    for a random image of the pool.  With ``size=0`` all images pass through.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self.images: list[Tensor] = []
        self.random = random.Random(seed)

    def query(self, images: Tensor) -> Tensor:
        """Exchange some of the images (B, ...), which are detached, for images from earlier batches."""
        if self.size == 0:
            return images
        chosen = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif self.random.uniform(0, 1) > 0.5:
                i = self.random.randint(0, self.size - 1)
                image, self.images[i] = self.images[i], image.clone()
            chosen.append(image)
        return torch.stack(chosen)

    def state_dict(self) -> dict[str, Any]:
        version, state, gauss = self.random.getstate()
        return {"images": self.images, "random": [version, list(state), gauss]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.images = list(state["images"])
        version, inner, gauss = state["random"]
        self.random.setstate((version, tuple(inner), gauss))
