"""FCN-8s on VGG-16, the segmenter of the FCN-score on Cityscapes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

#: For each block before a pooling: its number of 3x3 convolutions, and their channels divided by the width.
BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))


class FCN8s(nn.Module):
    """FCN-8s (Long et al. 2015) as pix2pix's authors trained it on Cityscapes (their ``deploy.prototxt``).

    Takes normalised pictures (B, 3, H, W); returns class scores (B, classes, H, W).  Layers have the names of the Caffe
    file.  Poolings round sizes up, the first convolution pads by 100, and the scores of the poolings are not scaled.
    ``width`` is the number of channels of the first convolution, 64 in VGG-16.
    """

    def __init__(self, classes: int = 20, width: int = 64) -> None:
        super().__init__()
        channels = 3
        for block, (count, factor) in enumerate(BLOCKS, 1):
            for number in range(1, count + 1):
                padding = 100 if block == number == 1 else 1
                self.add_module(f"conv{block}_{number}", nn.Conv2d(channels, factor * width, 3, padding=padding))
                channels = factor * width
        self.fc6_cs = nn.Conv2d(8 * width, 64 * width, 7)
        self.fc7_cs = nn.Conv2d(64 * width, 64 * width, 1)
        self.score_fr = nn.Conv2d(64 * width, classes, 1)
        self.score_pool4 = nn.Conv2d(8 * width, classes, 1)
        self.score_pool3 = nn.Conv2d(4 * width, classes, 1)
        self.upscore2 = nn.ConvTranspose2d(classes, classes, 4, 2, bias=False)
        self.upscore_pool4 = nn.ConvTranspose2d(classes, classes, 4, 2, bias=False)
        self.upscore8 = nn.ConvTranspose2d(classes, classes, 16, 8, bias=False)

    def forward(self, picture: Tensor) -> Tensor:
        x, pools = picture, []
        for block, (count, _) in enumerate(BLOCKS, 1):
            for number in range(1, count + 1):
                x = F.relu(self.get_submodule(f"conv{block}_{number}")(x))
            x = F.max_pool2d(x, 2, ceil_mode=True)
            pools.append(x)
        x = F.relu(self.fc7_cs(F.relu(self.fc6_cs(x))))
        x = self.upscore2(self.score_fr(x))
        x = self.upscore_pool4(x + crop(self.score_pool4(pools[3]), 5, x))
        x = self.upscore8(x + crop(self.score_pool3(pools[2]), 9, x))
        return crop(x, 31, picture)


def crop(x: Tensor, offset: int, reference: Tensor) -> Tensor:
    """The part of ``x`` that begins at (offset, offset) and has the height and width of ``reference``."""
    return x[..., offset : offset + reference.shape[-2], offset : offset + reference.shape[-1]]
