"""The residual generator of Johnson et al. (2016) as CycleGAN and pix2pix use it."""

from __future__ import annotations

from torch import Tensor, nn

from .normalization import norm_layer


class ResidualBlock(nn.Module):
    """x + norm(conv(dropout(relu(norm(conv(x)))))), 3x3 with reflection padding; the shape stays."""

    def __init__(self, channels: int, norm: str, dropout: bool, inference_norm: str) -> None:
        super().__init__()
        make_norm, bias = norm_layer(norm, inference_norm)
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias),
            make_norm(channels),
            nn.ReLU(True),
            nn.Dropout(0.5) if dropout else nn.Identity(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias),
            make_norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ResNetGenerator(nn.Module):
    """Two halvings, ``blocks`` residual blocks, two doublings (Zhu et al. 2017: c7s1-64, d128, d256, R256 ...).

    (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]; H and W are multiples of ``stride`` = 4.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        blocks: int = 9,
        norm: str = "instance",
        dropout: bool = False,
        inference_norm: str = "image",
    ) -> None:
        super().__init__()
        make_norm, bias = norm_layer(norm, inference_norm)

        def unit(conv: nn.Module, channels: int) -> list[nn.Module]:
            return [conv, make_norm(channels), nn.ReLU(True)]

        w = width
        self.body = nn.Sequential(
            *unit(nn.Conv2d(in_channels, w, 7, padding=3, padding_mode="reflect", bias=bias), w),
            *unit(nn.Conv2d(w, 2 * w, 3, stride=2, padding=1, bias=bias), 2 * w),
            *unit(nn.Conv2d(2 * w, 4 * w, 3, stride=2, padding=1, bias=bias), 4 * w),
            *(ResidualBlock(4 * w, norm, dropout, inference_norm) for _ in range(blocks)),
            *unit(nn.ConvTranspose2d(4 * w, 2 * w, 3, stride=2, padding=1, output_padding=1, bias=bias), 2 * w),
            *unit(nn.ConvTranspose2d(2 * w, w, 3, stride=2, padding=1, output_padding=1, bias=bias), w),
            nn.Conv2d(w, out_channels, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )
        self.stride = 4
        self.smallest = 8  # the residual blocks mirror one pixel and normalise, so they need two by two

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
