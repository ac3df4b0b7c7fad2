"""The networks of DVD-GAN (Clark, Donahue, Simonyan 2019, arXiv:1907.06571), as its second version describes them.

No code of the authors is public.  What the paper leaves open is filled from BigGAN (Brock et al. 2019,
arXiv:1809.11096), on which it builds, and from DGMR (Ravuri et al. 2021, arXiv:2104.00954), a later model of the same
group whose pseudocode is public; each place says so.  The rest is our choice, and called so.

Clips are (B, T, C, H, W); a clip's frames go through layers for pictures as if they were a larger batch.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .initialization import init_orthogonal
from .spectral import SpectralConv2d, SpectralConv3d, SpectralEmbedding, SpectralLinear

#: Height and width of a frame.
ClipSize = Literal[32, 64, 128, 256]

#: Multiples of the width from the map of 4x4 up: BigGAN's, since the paper gives none; for 32 ours, those of 64 without
#: the last.
GENERATOR_WIDTHS: dict[ClipSize, tuple[int, ...]] = {
    32: (16, 16, 8, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
}

#: Multiples of the width from the first block on: BigGAN's; for 32 ours.  All blocks but the last halve their maps.
DISCRIMINATOR_WIDTHS: dict[ClipSize, tuple[int, ...]] = {
    32: (1, 2, 4, 8),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
}

#: Blocks of the temporal discriminator that convolve over time too.
VOLUMES = 2
#: Each of them halves the number of frames.
SHORTEST = 2**VOLUMES


class ClipNorm(nn.Module):
    """Batch norm of each time step by itself, ``scale_nc * (x - mean_tc) / sqrt(var_tc + eps) + shift_nc``.

    Mean and variance are over N, H, W of one frame: were they over time too, they would tell a frame about later ones
    (version 1 of the paper; DGMR too).  Scale and shift are linear in the code, and the same for all frames; the scale
    is 1 and a prediction, as in BigGAN.  In eval mode, running statistics are used; frames after those of training
    have the last one's, which is our choice.

    Args:
        channels: C of x.
        code: Length of the code.
        frames: Length of the training clips.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, code: int, frames: int) -> None:
        super().__init__()
        self.scale = SpectralLinear(code, channels, bias=False)
        self.shift = SpectralLinear(code, channels, bias=False)
        self.register_buffer("running_mean", torch.zeros(frames, channels))
        self.register_buffer("running_var", torch.ones(frames, channels))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """x (B, T, C, H, W) with the codes (B, code) of the clips, to the same shape; in train mode T is fixed."""
        mean, var = self.running_mean, self.running_var
        if not self.training:
            times = torch.arange(x.shape[1], device=x.device).clamp(max=len(mean) - 1)
            mean, var = mean[times], var[times]
        # A channel at a time step is a channel of a picture.
        normalised = F.batch_norm(x.flatten(1, 2), mean.view(-1), var.view(-1), training=self.training).view(x.shape)
        scale, shift = (layer(code)[:, None, :, None, None] for layer in (self.scale, self.shift))
        return torch.addcmul(shift, normalised, 1 + scale)


class ConvGRU(nn.Module):
    """A convolutional GRU whose state has as many channels as its input.

    With the old state h and the input x, r = sigmoid(W_r [h; x]) and u = sigmoid(W_u [h; x]) are the gates,
    c = relu(W_c [r h; x]), and the new state is u h + (1 - u) c.  DGMR has the same cell.  The first state is 0, our
    choice.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reset = SpectralConv2d(2 * channels, channels, 3, padding=1)
        self.update = SpectralConv2d(2 * channels, channels, 3, padding=1)
        self.candidate = SpectralConv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """An input for each frame (B, T, C, H, W), or one for all (B, 1, C, H, W), to the states (B, T, C, H, W)."""
        layers, channels = (self.reset, self.update, self.candidate), x.shape[2]
        weights = torch.cat([layer.normalized_weight() for layer in layers])
        of_state, of_input = weights.split_with_sizes([channels, channels], 1)
        bias = torch.cat([layer.bias for layer in layers if layer.bias is not None])
        # What the inputs add is computed for all frames at once; only the states wait for one another.
        inputs = as_clips(F.conv2d(x.flatten(0, 1), of_input, bias, padding=1), x)
        parts = [2 * channels, channels]
        of_gates, of_candidate = of_state.to(inputs.dtype).split_with_sizes(parts)
        state = torch.zeros_like(inputs[:, 0, :channels])
        states = []
        for added in inputs.expand(-1, frames, -1, -1, -1).unbind(1):
            to_gates, to_candidate = added.split_with_sizes(parts, 1)
            reset, update = torch.sigmoid(to_gates + F.conv2d(state, of_gates, padding=1)).chunk(2, 1)
            candidate = F.relu(to_candidate + F.conv2d(reset * state, of_candidate, padding=1))
            state = update * state + (1 - update) * candidate
            states.append(state)
        return torch.stack(states, 1)


class GeneratorBlock(nn.Module):
    """Residual block: norm, ReLU, perhaps doubled, 3x3, norm, ReLU, 3x3; and 1x1 on the shortcut if it doubles.

    Doubling is bilinear, as the legend of the paper's figure says (BigGAN's is nearest neighbour).  On the shortcut it
    follows the 1x1 convolution, which gives the same with a quarter of the work.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output; the same unless it doubles.
        code: Length of the code.
        frames: Length of the training clips.
        doubles: Whether height and width double.
    """

    def __init__(self, inputs: int, outputs: int, code: int, frames: int, doubles: bool) -> None:
        super().__init__()
        self.doubles = doubles
        self.norm_0 = ClipNorm(inputs, code, frames)
        self.conv_0 = SpectralConv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm_1 = ClipNorm(outputs, code, frames)
        self.conv_1 = SpectralConv2d(outputs, outputs, 3, padding=1)
        if doubles:
            self.shortcut = SpectralConv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        y = F.relu(self.norm_0(x, code)).flatten(0, 1)
        y = as_clips(self.conv_0(doubled(y) if self.doubles else y), x)
        y = as_clips(self.conv_1(F.relu(self.norm_1(y, code)).flatten(0, 1)), x)
        return y + (as_clips(doubled(self.shortcut(x.flatten(0, 1))), x) if self.doubles else x)


class ClipGenerator(nn.Module):
    """Latents (B, latent) and classes (B,) to clips (B, T, channels, size, size) in [-1, 1].

    The code of a clip is its latent and the embedding of its class.  It becomes a map of 4x4, the input of the first
    `ConvGRU` at every step, and modulates all norms.  A group, until maps have the size of the clip, is a `ConvGRU`, a
    `GeneratorBlock` and another that doubles.  The embedding alone has no spectral norm, as in BigGAN.  The last tanh
    is BigGAN's.

    Args:
        channels: Channels of a frame.
        classes: How many classes there are.
        latent: Length of a latent.
        embedding: Length of a class's embedding.
        width: Channels by `GENERATOR_WIDTHS`.
        size: Height and width of a frame.
        frames: Length of the training clips.
    """

    stride = smallest = 1  # there is one size only, so frames are never padded

    def __init__(
        self,
        channels: int = 3,
        classes: int = 600,
        latent: int = 120,
        embedding: int = 120,
        width: int = 96,
        size: ClipSize = 64,
        frames: int = 12,
    ) -> None:
        super().__init__()
        maps, code = [multiple * width for multiple in GENERATOR_WIDTHS[size]], latent + embedding
        self.classes = nn.Embedding(classes, embedding)
        self.first = SpectralLinear(code, maps[0] * 4 * 4)
        self.recurrent = nn.ModuleList(map(ConvGRU, maps[:-1]))
        self.keeping = nn.ModuleList(GeneratorBlock(a, a, code, frames, doubles=False) for a in maps[:-1])
        self.doubling = nn.ModuleList(GeneratorBlock(a, b, code, frames, doubles=True) for a, b in pairwise(maps))
        self.norm = ClipNorm(maps[-1], code, frames)
        self.last = SpectralConv2d(maps[-1], channels, 3, padding=1)
        init_orthogonal(self)

    def forward(self, latent: Tensor, action: Tensor, frames: int) -> Tensor:
        code = torch.cat([latent, self.classes(action)], 1)
        x = self.first(code).view(code.shape[0], 1, -1, 4, 4)
        for recurrent, keeping, doubling in zip(self.recurrent, self.keeping, self.doubling, strict=True):
            x = doubling(keeping(recurrent(x, frames), code), code)
        x = F.relu(self.norm(x, code))
        return as_clips(torch.tanh(self.last(x.flatten(0, 1))), x)


class DiscriminatorBlock(nn.Module):
    """BigGAN's residual block: ReLU, 3x3, ReLU, 3x3, perhaps averaged 2x2; and 1x1 on the shortcut if maps change.

    The paper makes the first blocks of the temporal discriminator 3x3x3; that they average 2x2x2 is DGMR's.  On the
    shortcut the 1x1 convolution follows the average, which gives the same with a quarter of the work.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        first: Whether it is the first block, which begins without ReLU.
        halves: Whether maps are averaged.
        volume: Whether it convolves over time too.
    """

    def __init__(self, inputs: int, outputs: int, first: bool, halves: bool, volume: bool) -> None:
        super().__init__()
        self.first, self.halves = first, halves
        convolution = SpectralConv3d if volume else SpectralConv2d
        self.pool = nn.AvgPool3d(2) if volume else nn.AvgPool2d(2)
        self.conv_0 = convolution(inputs, outputs, 3, padding=1)
        self.conv_1 = convolution(outputs, outputs, 3, padding=1)
        changes = halves or inputs != outputs
        self.shortcut = convolution(inputs, outputs, 1, bias=False) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv_1(F.relu(self.conv_0(x if self.first else F.relu(x))))
        if self.halves:
            x, y = self.pool(x), self.pool(y)
        output: Tensor = self.shortcut(x) + y
        return output


class ClipDiscriminator(nn.Module):
    """Clips (B, T, channels, H, W) and their classes (B,) to scores (B,): the sums of the scores of their frames.

    A frame's score is that of a projection discriminator (Miyato, Koyama 2018, arXiv:1802.05637): <w + e(y), f> + b,
    where f sums the last features over the frame.  With ``volumes=0`` frames know nothing of each other: the spatial
    discriminator.  The temporal one has ``volumes=2``, and is for clips of at least four frames.

    Args:
        channels: Channels of a frame.
        classes: How many classes there are.
        width: Channels by `DISCRIMINATOR_WIDTHS`.
        size: Height and width of the frames that the generator makes; the temporal discriminator sees half.
        volumes: How many of the first blocks convolve over time too.
    """

    def __init__(
        self, channels: int = 3, classes: int = 600, width: int = 96, size: ClipSize = 64, volumes: int = 0
    ) -> None:
        super().__init__()
        maps = [channels, *(multiple * width for multiple in DISCRIMINATOR_WIDTHS[size])]
        last = len(maps) - 2
        blocks = [
            DiscriminatorBlock(a, b, number == 0, number < last, number < volumes)
            for number, (a, b) in enumerate(pairwise(maps))
        ]
        self.of_clips, self.of_frames = nn.Sequential(*blocks[:volumes]), nn.Sequential(*blocks[volumes:])
        self.last = SpectralLinear(maps[-1], 1)
        self.classes = SpectralEmbedding(classes, maps[-1])
        init_orthogonal(self)

    def forward(self, clips: Tensor, action: Tensor) -> Tensor:
        frames = self.of_clips(clips.transpose(1, 2)).transpose(1, 2)
        maps = F.relu(as_clips(self.of_frames(frames.flatten(0, 1)), frames))
        features = maps.float().sum((1, 3, 4))
        direction = self.last.normalized_weight() + self.classes(action)
        scores: Tensor = (features * direction).sum(1) + frames.shape[1] * self.last.bias
        return scores


def as_clips(frames: Tensor, clips: Tensor) -> Tensor:
    """Frames (B T, C, H, W) as clips (B, T, C, H, W), as many and as long as other clips."""
    return frames.reshape(*clips.shape[:2], *frames.shape[1:])


def doubled(maps: Tensor) -> Tensor:
    """Maps (B, C, H, W) with twice the height and width, by bilinear interpolation."""
    return F.interpolate(maps, scale_factor=2.0, mode="bilinear")


def downsampled(clips: Tensor) -> Tensor:
    """Clips (B, T, C, H, W) with half the height and width: the paper's phi, which averages 2x2 pixels."""
    return as_clips(F.avg_pool2d(clips.flatten(0, 1), 2), clips)
