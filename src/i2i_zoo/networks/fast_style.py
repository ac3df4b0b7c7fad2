"""The feed-forward stylisation network of Johnson et al. (2016), in the version of PyTorch's examples."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from i2i_zoo.errors import ZooError

from .normalization import MakeNorm

#: Norms by name: instance norm (Ulyanov et al. 2017) and the batch norm of Johnson et al.  Both are affine.
NORMS: dict[str, MakeNorm] = {"instance": partial(nn.InstanceNorm2d, affine=True), "batch": nn.BatchNorm2d}


class FastStyleNet(nn.Module):
    """c9s1-w, c3s2-2w, c3s2-4w, five residual blocks, two doublings with a c3 each, c9 to RGB; mirrored borders.

    Shapes: (B, 3, H, W) in [-1, 1] to the same shape, around [-1, 1] but not bounded; H and W are multiples of
    ``stride``.  Inside, colours go from 0 to 255, so the authors' weights can be used.

    Args:
        width: Channels of the first layer, w.
        norm: A name in `NORMS`: the norm after every convolution but the last.

    Raises:
        ZooError: For another norm.
    """

    stride = 4
    smallest = 8  # the residual blocks mirror one pixel and normalise, so they need two by two

    def __init__(self, width: int = 32, norm: str = "instance") -> None:
        super().__init__()
        if norm not in NORMS:
            raise ZooError(f"Unknown normalisation {norm!r}: choose {' or '.join(NORMS)}.")
        make_norm = NORMS[norm]

        def unit(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
            # Not in place: torch's instance norm returns a view, whose gradient would be copied three times.
            return [mirrored(inputs, outputs, kernel, stride), make_norm(outputs), nn.ReLU()]

        self.body = nn.Sequential(
            *unit(3, width, 9),
            *unit(width, 2 * width, 3, 2),
            *unit(2 * width, 4 * width, 3, 2),
            *(Residual(4 * width, make_norm) for _ in range(5)),
            nn.Upsample(scale_factor=2),
            *unit(4 * width, 2 * width, 3),
            nn.Upsample(scale_factor=2),
            *unit(2 * width, width, 3),
            mirrored(width, 3, 9),
        )

    def forward(self, x: Tensor) -> Tensor:
        colours: Tensor = self.body((x + 1) * 127.5)
        return colours / 127.5 - 1


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))) with 3x3 convolutions; the shape stays the same."""

    def __init__(self, channels: int, make_norm: MakeNorm) -> None:
        super().__init__()
        self.body = nn.Sequential(
            mirrored(channels, channels, 3),
            make_norm(channels),
            nn.ReLU(),
            mirrored(channels, channels, 3),
            make_norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.body(x)
        return x + change


def mirrored(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution with a mirrored border that keeps the size, apart from the stride."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode="reflect")
