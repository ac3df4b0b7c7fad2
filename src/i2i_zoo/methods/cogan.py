"""CoGAN: the joint distribution of two domains from pictures of each (Liu, Tuzel 2016, arXiv:1606.07536)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Channels, Ge, LearningRate, Side, Tries, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.media.memory import explained_shortage
from i2i_zoo.networks.coupled import CoupledDiscriminator, CoupledGenerator, Kind, init_coupled
from i2i_zoo.tasks.conditions import SIZE, Condition
from i2i_zoo.tasks.graph import Graph
from i2i_zoo.tasks.kinds import Seed
from i2i_zoo.tasks.paired import PictureTranslator
from i2i_zoo.tasks.preprocess import UnpairedPreprocess
from i2i_zoo.tasks.sampler import Sampler, checked_seed

from .base import UnpairedMethod

SEED = Condition("seed", Seed(), "seed of the search for the latent code", label="Seed of the search", default=0)


class CoupledSampler(Sampler):
    """Pairs of pictures of A and of B, side by side."""

    task: CoGAN

    def noise(self, random: torch.Generator) -> Tensor:
        return torch.randn(self.task.hparams.latent, generator=random)

    def forward(self, noise: Tensor) -> Tensor:
        """(B, latent) to (B, 1 or 3, size, 2 size) in [-1, 1]."""
        pictures = self.task.generator(noise)
        channels = max(picture.shape[1] for picture in pictures)
        return torch.cat([picture.expand(-1, channels, -1, -1) for picture in pictures], 3)


class CoGAN(UnpairedMethod):
    """CoGAN.  The defaults are those of the authors' PyTorch code for digits and their edges.

    A latent code gives a pair of pictures, one of each domain.  To translate a picture, the model searches for the code
    that gives it (sec. 5).  All pictures have the same size.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        networks: The authors' networks for ``digits`` or for other ``pictures``.
        size: Height and width of the pictures: 28 for digits; 32, 64 or 128 for other pictures.
        width: An eighth of the channels of the generators' first layer.
        discriminator_width: Channels of the discriminators' first layer; 32 in the authors' network for faces.
        latent: Length of the latent code.
        inversion_starts: Number of random codes; the search for a picture's code starts from the closest one.
        inversion_steps: Steps of the search.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        weight_decay: L2 penalty of Adam.

    Raises:
        ZooError: For a size without networks.
    """

    inference_networks: tuple[str, ...] = ("generator",)
    discriminator_networks: tuple[str, ...] = ("discriminator",)

    def __init__(
        self,
        in_channels: Channels = 1,
        out_channels: Channels = 1,
        networks: Kind = "digits",
        size: Side = 28,
        width: Width = 128,
        discriminator_width: Width = 20,
        latent: Width = 100,
        inversion_starts: Annotated[Tries, Ge(1)] = 256,
        inversion_steps: Tries = 100,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        weight_decay: Weight = 5e-4,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = init_coupled(CoupledGenerator(in_channels, out_channels, networks, size, width, latent))

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            hp = self.hparams
            self.discriminator = init_coupled(
                CoupledDiscriminator(hp.in_channels, hp.out_channels, hp.networks, hp.size, hp.discriminator_width)
            )

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminators' update, then the generators' with new codes (the authors' code)."""
        a, b = batch["a"], batch["b"]
        self.check_size(a)
        self.check_size(b)
        with self.update("discriminator") as loss:
            loss["real"] = self.judge([a, b], True)
            loss["fake"] = self.judge(self.generator(self.draw_codes(len(a))), False)
        with self.update("generator") as loss:
            loss["adversarial"] = self.judge(self.generator(self.draw_codes(len(a))), True)

    def draw_codes(self, count: int, seed: int | None = None) -> Tensor:
        """Draw latent codes (count, latent) from their prior, N(0, 1); a seed gives the same codes on every device."""
        random = None if seed is None else torch.Generator().manual_seed(seed)
        return torch.randn(count, self.hparams.latent, generator=random).to(next(self.generator.parameters()))

    def judge(self, pictures: Sequence[Tensor], real: bool) -> Tensor:
        """The discriminators' mean cross-entropy for the verdict ``real`` on pictures of A and B."""
        logits = self.discriminator(*pictures)
        return F.cross_entropy(logits, torch.full((len(logits),), int(real), device=logits.device))

    def forward(self, image: Tensor, direction: str = "ab", seed: int = 0) -> Tensor:
        """(B, C, size, size) of one domain in [-1, 1] to the other, through the codes that `invert` finds."""
        source, target = tuple(direction)
        translation: Tensor
        (translation,) = self.generator(self.invert(image, source, seed), target)
        return translation

    def invert(self, image: Tensor, domain: str, seed: int = 0) -> Tensor:
        """Find the latent codes (B, latent) whose pictures in a domain are closest to the images (sec. 5).

        The distance is the sum of squares.  The paper uses L-BFGS on one image at a time; this is Adam on all at once.

        Args:
            image: (B, C, size, size) of the domain in [-1, 1].
            domain: ``a`` or ``b``.
            seed: Seed of the random codes, which are the same for every image.

        Raises:
            ZooError: For images that do not have the model's size.
        """
        self.check_size(image)
        with torch.no_grad():
            starts = self.draw_codes(self.hparams.inversion_starts, seed)
            (pictures,) = self.generator(starts, domain)
            closest = torch.cdist(image.flatten(1).float(), pictures.flatten(1).float()).argmin(1)
        # A copy of the weights: most callers are in inference mode, whose tensors cannot take part in gradients.
        with torch.inference_mode(False), torch.enable_grad():
            generator = copy.deepcopy(self.generator).float().requires_grad_(False)
            code = starts[closest].float().requires_grad_(True)
            optimizer = torch.optim.Adam([code], lr=0.1, betas=(0.5, 0.999))
            for _ in range(self.hparams.inversion_steps):
                optimizer.zero_grad()
                (picture,) = generator(code, domain)
                (picture - image).square().sum().backward()
                optimizer.step()
        return code.detach().to(image)

    def check_size(self, image: Tensor) -> None:
        """Raise `ZooError` for images (..., H, W) that do not have the model's size."""
        size, (height, width) = self.hparams.size, image.shape[-2:]
        if not size == height == width:
            raise ZooError(
                f"This model only makes pictures of {size}x{size} pixels, not {width}x{height}: use that size."
            )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.direction_condition, SEED, SIZE)

    def make_translator(self, direction: str = "ab", seed: int = 0, **chosen: Any) -> PictureTranslator:
        """Pictures are scaled to this model's size, and results back; a tensor must have that size."""
        return self.translator_of(direction, {"seed": seed}, **chosen)

    def preprocess_for(self, direction: str = "") -> UnpairedPreprocess:
        """The size is that of the model, whatever the data have."""
        return replace(super().preprocess_for(direction), size=(self.hparams.size, self.hparams.size))

    def make_sampler(self, **chosen: Any) -> CoupledSampler:
        return CoupledSampler(self)

    def graph(self, **conditions: Any) -> Graph:
        raise ZooError("CoGAN translates by an optimisation, and cannot be exported.")

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        return ("lower --model.lr",) if failure == "diversity" else ()

    @torch.inference_mode()
    def sample(  # type: ignore[override]  # it makes pairs
        self, count: int, seed: int | None = 0, **conditions: Any
    ) -> tuple[Tensor, Tensor]:
        """Draw random pairs of pictures: those of A and those of B, (count, C, size, size) in [-1, 1].

        Raises `ZooError` for a count below 1, a seed out of range and any condition, since it takes none.
        """
        self.sampler(**conditions)
        seed = checked_seed(count, seed)
        with explained_shortage(f"Making {count} pairs at once", "make fewer at a time"):
            a, b = self.generator(self.draw_codes(count, seed))
        return a, b
