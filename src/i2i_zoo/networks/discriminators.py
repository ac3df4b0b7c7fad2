"""Discriminators."""

from __future__ import annotations

from torch import Tensor, nn

from i2i_zoo.errors import ZooError

from .normalization import norm_layer

#: Receptive field of a logit, in pixels: the number of strided convolutions after the first (None: 1x1 convolutions).
RECEPTIVE_FIELDS: dict[int, int | None] = {1: None, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017, sec. 3.2.2 and 6.1.2): one logit for each patch of ``receptive_field`` pixels.

    (B, in_channels, H, W) to (B, 1, h, w) logits, no sigmoid; 30x30 for a 256x256 image at the paper's 70.  A
    conditional discriminator gets source and candidate concatenated, source first.

    Raises `ZooError` for a receptive field other than 1, 16, 34, 70, 142 and 286.
    """

    def __init__(self, in_channels: int = 6, width: int = 64, receptive_field: int = 70, norm: str = "batch") -> None:
        super().__init__()
        if receptive_field not in RECEPTIVE_FIELDS:
            raise ZooError(f"No PatchGAN sees {receptive_field} pixels: choose from {sorted(RECEPTIVE_FIELDS)}.")
        make_norm, bias = norm_layer(norm)
        strided = RECEPTIVE_FIELDS[receptive_field]
        if strided is None:
            layers = [
                nn.Conv2d(in_channels, width, 1),
                nn.LeakyReLU(0.2, True),
                nn.Conv2d(width, 2 * width, 1, bias=bias),
                make_norm(2 * width),
                nn.LeakyReLU(0.2, True),
                nn.Conv2d(2 * width, 1, 1, bias=bias),
            ]
        else:
            layers = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True)]
            channels = width
            for n in range(1, strided + 1):
                out = width * min(2**n, 8)
                stride = 2 if n < strided else 1
                layers += [nn.Conv2d(channels, out, 4, stride=stride, padding=1, bias=bias), make_norm(out)]
                layers += [nn.LeakyReLU(0.2, True)]
                channels = out
            layers += [nn.Conv2d(channels, 1, 4, padding=1)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
