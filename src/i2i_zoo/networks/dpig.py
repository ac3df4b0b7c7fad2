"""The networks of disentangled person image generation (Ma et al. 2018, arXiv:1712.02621, and the authors' code)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .pg2 import CoarseGenerator, ConvPair, HalveSame, in_fast_format, scaled

#: Slope of the leaky ReLUs.
SLOPE = 0.2

#: Numbers that describe a pose: row, column and visibility of 18 points.
POSE = 18 * 3


class Tower(nn.Module):
    """Residual blocks of ``width``, 2 ``width``, 3 ``width`` ... channels, each at half the size of the one before."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        channels = [width * (block + 1) for block in range(blocks)]
        self.encode = nn.ModuleList(ConvPair(count, count) for count in channels)
        self.down = nn.ModuleList(HalveSame(before, after, 3) for before, after in pairwise(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, width, H, W) to the maps of the last block; H and W are multiples of 2 ** (blocks - 1)."""
        maps = in_fast_format(maps, maps.shape[1])
        maps = maps + self.encode[0](maps)
        for down, encode in zip(self.down, self.encode[1:], strict=True):
            maps = F.relu(down(maps), inplace=True)
            maps = maps + encode(maps)
        return maps


def crops(maps: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Cut boxes out of maps, and scale them to ``side`` x ``side`` with bilinear interpolation.

    As the authors call ``crop_and_resize``, they divide boxes by height and width, and it multiplies by height - 1 and
    width - 1: a box is a little too small.

    Args:
        maps: (B, C, H, W).
        boxes: (B, N, 4): top, left, bottom and right in pixels.
        side: Pixels along a side of the crops.

    Returns:
        (B, N, C, side, side).
    """
    (count, number), (height, width) = boxes.shape[:2], maps.shape[-2:]
    # In grid_sample's coordinates the centres of the first and the last pixel are -1 and 1.
    start, end = (boxes / boxes.new_tensor([height, width] * 2) * 2 - 1).chunk(2, -1)
    steps = torch.linspace(0, 1, side, device=maps.device, dtype=boxes.dtype)[:, None]
    rows, columns = (start[:, :, None] + (end - start)[:, :, None] * steps).unbind(-1)
    grid = torch.stack([columns[:, :, None].expand(-1, -1, side, -1), rows[..., None].expand(-1, -1, -1, side)], -1)
    cut = F.grid_sample(maps, grid.flatten(1, 2).to(maps), mode="bilinear", align_corners=True)
    return cut.view(count, -1, number, side, side).transpose(1, 2)


class AppearanceEncoder(nn.Module):
    """A person and its pose to the codes of the foreground and the background (sec. 3.1).

    Features inside the person's mask are cut into the body's regions, which one tower encodes; the code of a region
    that is not seen is 0.  Features outside the mask go through a tower of their own.  Without a code of the
    background, there is no mask: the regions are cut from all features, as in the authors' code for DeepFashion.

    Args:
        width: Channels of the features, and of the first block of each tower.
        blocks: Residual blocks of the background's tower.
        region_side: The regions are scaled to this many pixels along each side.
        region_code: Length of the code of a region.
        background_code: Length of the code of the background; 0 for none.
        size: Height and width of the pictures.
        region_blocks: Residual blocks of the regions' tower; by default as many.
    """

    #: There is one size only, so pictures are never padded.
    stride = smallest = 1

    def __init__(
        self,
        width: int = 128,
        blocks: int = 5,
        region_side: int = 48,
        region_code: int = 32,
        background_code: int = 128,
        size: Sequence[int] = (128, 64),
        region_blocks: int | None = None,
    ) -> None:
        super().__init__()
        region_blocks = region_blocks or blocks
        self.region_side, self.splits = region_side, background_code > 0
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.pair = ConvPair(width, width)
        self.region_tower = Tower(width, region_blocks)
        if self.splits:
            self.background_tower = Tower(width, blocks)
        pixels = (region_side // 2 ** (region_blocks - 1)) ** 2
        self.region_code = nn.Linear(pixels * width * region_blocks, region_code)
        if self.splits:
            scale = 2 ** (blocks - 1)
            pixels = (size[0] // scale) * (size[1] // scale)
            self.background_code = nn.Linear(pixels * width * blocks, background_code)

    def forward(self, picture: Tensor, mask: Tensor, boxes: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The codes of the foreground (B, N region_code) and of the background (B, background_code).

        Args:
            picture: (B, 3, H, W) in [-1, 1].
            mask: (B, 1, H, W): 1 where the person is, else 0.
            boxes: (B, N, 4): top, left, bottom and right of the body's regions, in pixels.
            seen: (B, N): 1 for a region that is seen, else 0.
        """
        features = self.features(picture)
        regions = crops(features * mask if self.splits else features, boxes, self.region_side)
        code = self.region_code(self.region_tower(regions.flatten(0, 1)).flatten(1))
        foreground = code.unflatten(0, seen.shape) * seen[..., None]
        if not self.splits:
            return foreground.flatten(1), features.new_empty(len(features), 0)
        background = self.background_code(self.background_tower(features * (1 - mask)).flatten(1))
        return foreground.flatten(1), background

    def features(self, picture: Tensor) -> Tensor:
        """Features (B, width, H, W) of pictures (B, 3, H, W), from which foreground and background are taken."""
        maps = F.relu(self.first(picture))
        return maps + self.pair(maps)  # type: ignore[no-any-return]  # a module's


class PersonDecoder(CoarseGenerator):
    """A code and the maps of a pose to a picture: the generator of PG2's first stage, with the code at every pixel.

    Args:
        code: Length of the code.
        width: Channels of the first block.
        blocks: Residual blocks on each side.
        bottleneck: Numbers that the innermost maps become.
        size: Height and width of the pictures.
    """

    def __init__(
        self, code: int = 352, width: int = 128, blocks: int = 5, bottleneck: int = 64, size: Sequence[int] = (128, 64)
    ) -> None:
        super().__init__(code + 18, size, width, blocks, bottleneck)

    def forward(self, code: Tensor, maps: Tensor) -> Tensor:
        """A picture (B, 3, H, W), about in [-1, 1], from a code (B, code) and maps (B, 18, H, W) in [-1, 1]."""
        return self.after_first(in_fast_format(self.code_and_maps(code, maps), self.first.out_channels))

    def code_and_maps(self, code: Tensor, maps: Tensor) -> Tensor:
        """The first convolution, of the code at every pixel beside the maps.

        The code is the same at every pixel, so its products with the weights are made once, and summed where they lie
        within the picture.  That is many times faster than a convolution of so many channels.
        """
        of_code, of_maps = self.first.weight.tensor_split([code.shape[1]], 1)
        products = torch.einsum("bi,oiyx->boyx", code, of_code)
        ones = maps.new_ones(1, 1, *maps.shape[-2:])
        summed = F.conv2d(ones, products.flatten(0, 1)[:, None], padding=1).view(len(code), -1, *maps.shape[-2:])
        return F.conv2d(maps, of_maps, self.first.bias, padding=1) + summed


class ResidualMLP(nn.Module):
    """A linear layer, residual blocks of two linear layers with leaky ReLUs, and a linear layer.

    It encodes poses, and it is the mapping function from noise to codes (sec. 3.2).

    Args:
        inputs: Length of the inputs.
        hidden: Width of the hidden layers.
        outputs: Length of the outputs.
        blocks: Residual blocks.
        first_active: Whether a leaky ReLU follows the first layer.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, blocks: int = 4, first_active: bool = True) -> None:
        super().__init__()
        self.first_active = first_active
        self.first = nn.Linear(inputs, hidden)
        self.block = nn.ModuleList(
            nn.ModuleList([nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)]) for _ in range(blocks)
        )
        self.last = nn.Linear(hidden, outputs)

    def forward(self, values: Tensor) -> Tensor:
        values = self.first(values)
        values = F.leaky_relu(values, SLOPE) if self.first_active else values
        for block in self.block:
            change = values
            for layer in block.children():
                change = F.leaky_relu(layer(change), SLOPE)
            values = values + change
        output: Tensor = self.last(values)
        return output


class PoseAutoencoder(nn.Module):
    """Poses to codes and back (sec. 3.1).

    Args:
        code: Length of the code.
        hidden: Width of the hidden layers.
        size: Height and width of the pictures, by which points are scaled to [-1, 1].
    """

    def __init__(self, code: int = 32, hidden: int = 512, size: Sequence[int] = (128, 64)) -> None:
        super().__init__()
        self.size = tuple(size)
        self.encoder = ResidualMLP(POSE, hidden, code)
        self.decoder = ResidualMLP(code, hidden, POSE, first_active=False)

    def numbers(self, poses: Tensor) -> Tensor:
        """Poses (B, 18, 3), in pixels, `scaled` to the size of the pictures."""
        return scaled(poses, self.size)

    def encode(self, poses: Tensor) -> Tensor:
        """Poses (B, 18, 3), in pixels, to codes (B, code)."""
        code: Tensor = self.encoder(self.numbers(poses).flatten(1))
        return code

    def decode_numbers(self, code: Tensor) -> Tensor:
        """Codes (B, code) to (B, 18, 3), as `numbers` gives them.

        The visibility is rounded to 0 or 1, and its gradient is that without rounding.
        """
        values = self.decoder(code)
        likely = values[:, 36:].sigmoid()
        visibility = likely + (likely.round() - likely).detach()
        return torch.cat([values[:, :36].unflatten(1, (18, 2)), visibility[..., None]], -1)

    def decode(self, code: Tensor) -> Tensor:
        """Codes (B, code) to poses (B, 18, 3) of x, y and visibility, in pixels and within the picture."""
        numbers = self.decode_numbers(code).float()
        seen = (numbers[..., 2:] > 0.5).to(numbers)
        size = numbers.new_tensor(self.size)
        places = ((numbers[..., :2] + 1) / 2 * size).clamp(min=0).minimum(size - 1)
        return torch.cat([places.flip(-1), torch.ones_like(seen)], -1) * seen

    def forward(self, poses: Tensor) -> Tensor:
        """Poses (B, 18, 3), in pixels, as `numbers` that were encoded and decoded."""
        return self.decode_numbers(self.encode(poses))


class CodeCritic(nn.Sequential):
    """How real codes (B, code) are: (B, 1), without bounds (sec. 3.2)."""

    def __init__(self, code: int, hidden: int = 512) -> None:
        widths = [code, *[hidden] * 4]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]
        super().__init__(*layers, nn.Linear(hidden, 1))
