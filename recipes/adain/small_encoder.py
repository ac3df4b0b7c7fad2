"""Train the encoder of `adain-small`: half of VGG's channels, taught by VGG-19 and SqueezeNet.

    python recipes/adain/small_encoder.py photographs paintings --vgg vgg_normalised.pth --out small-encoder

Through a 1x1 convolution each, the student's first three maps predict relu1_1, relu2_1 and relu3_1 of the VGG-19 of
AdaIN's authors, and the last one a map of SqueezeNet 1.1 (torchvision's, trained on ImageNet), which sees the picture
at twice its size, so that its stride is the student's.  VGG's own relu4_1 would be the natural teacher; it was not at
hand when `adain-small` was trained.  A decoder redraws the picture from the last map, which keeps in it what the
teacher would drop.  While they learn, both have a batch norm in front of each ReLU, without which most of the last
channels died.  At the end these are folded into the convolutions, and every channel is scaled to a mean of 1
over the training pictures, as in the authors' VGG.  What is written is a checkpoint to begin with:

    i2i-zoo fit --config adain/small --init_from small-encoder
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, DataLoader

from i2i_zoo import save
from i2i_zoo.data.style import StyleData
from i2i_zoo.methods.adain import AdaIN
from i2i_zoo.networks.adain import TAPS, StyleEncoder
from i2i_zoo.networks.initialization import init_kaiming
from i2i_zoo.pretrained.backbones import imagenet, pretrained_features

#: The index in SqueezeNet's features of the map that is predicted, which has 512 channels.
TAUGHT = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", help="folders of pictures, as StyleData takes them")
    parser.add_argument("--vgg", type=Path, required=True, help="AdaIN's VGG-19, up to relu3_1 or all of it")
    parser.add_argument("--out", type=Path, default=Path("small-encoder"), help="[%(default)s]")
    parser.add_argument("--minutes", type=float, default=30, help="[%(default)s]")
    parser.add_argument("--width", type=int, default=32, help="channels of the first stage [%(default)s]")
    parser.add_argument("--batch", type=int, default=8, help="[%(default)s]")
    parser.add_argument("--size", type=int, default=128, help="side of the crops [%(default)s]")
    parser.add_argument("--lr", type=float, default=1e-3, help="[%(default)s]")
    parser.add_argument("--precision", choices=["bf16", "32"], default="bf16", help="[%(default)s]")
    args = parser.parse_args()

    torch.manual_seed(0)
    sets = [
        StyleData(folder, load_size=args.size * 3 // 2, crop_size=args.size, flip=True, val_fraction=0).dataset("train")
        for folder in args.folders
    ]
    pictures = Pictures(ConcatDataset(sets))
    loader = DataLoader(pictures, args.batch, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True)

    model = AdaIN(width=args.width)
    init_kaiming(model.encoder.requires_grad_(True))
    init_kaiming(model.decoder)
    encoder, decoder = Normed(model.encoder.layers), Normed(model.decoder.layers)
    scale_colours(model.encoder)
    teachers = read_vgg(args.vgg), pretrained_features("squeezenet1_1", TAUGHT + 1)
    sizes = zip((1, 2, 4, 8), (64, 128, 256, 512), strict=True)
    heads = nn.ModuleList(nn.Conv2d(args.width * n, channels, 1) for n, channels in sizes)
    learned = [
        p
        for m in (model.encoder.layers[1:], model.decoder, encoder.norms, decoder.norms, heads)
        for p in m.parameters()
    ]
    optimizer = torch.optim.Adam(learned, lr=args.lr, fused=True)

    begun, step, scales = time.time(), 0, None
    while (share := (time.time() - begun) / 60 / args.minutes) < 1:
        for batch in loader:
            share = (time.time() - begun) / 60 / args.minutes
            if share >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = args.lr * min(1.0, 2 - 2 * share)  # falls in the second half
            with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
                with torch.no_grad():
                    taught = teach(*teachers, batch)
                if scales is None:
                    scales = [target.float().std() for target in taught]
                maps = encoder((batch + 1) / 2, TAPS)
                losses = [
                    F.mse_loss(head(m).float() / s, F.interpolate(t.float(), m.shape[-2:], mode="bilinear") / s)
                    for head, m, t, s in zip(heads, maps, taught, scales, strict=True)
                ]
                (drawn,) = decoder(maps[-1], (len(model.decoder.layers) - 1,))
                drawn = drawn.float() * 2 - 1
                redrawn = F.l1_loss(drawn, batch)
                colours = F.l1_loss(drawn - drawn.mean(1, keepdim=True), batch - batch.mean(1, keepdim=True))
            loss = torch.stack(losses).mean() + 2 * redrawn + 6 * colours  # or all is drawn in grey
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step % 50 == 0:
                told = " ".join(f"{value.item():.3f}" for value in losses)
                seconds = time.time() - begun
                apart = f"redrawn {redrawn.item():.3f}, colours {colours.item():.3f}"
                print(f"{step} steps, {seconds:.0f} s: predicted {told}, {apart}", flush=True)

    encoder.fold()
    decoder.fold()
    normalise(model, loader)
    save(model, args.out)
    print(f"{step} steps of {args.batch} pictures; written to {args.out}")


class Normed(nn.Module):
    """Layers in a row with a batch norm between each convolution and its ReLU, until `fold`."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers
        self.convolutions = [a for a, b in pairwise(layers) if isinstance(a, nn.Conv2d) and isinstance(b, nn.ReLU)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(layer.out_channels) for layer in self.convolutions)

    def forward(self, x: Tensor, taps: Sequence[int]) -> list[Tensor]:
        """What is behind the layers with these indices."""
        found, norms = [], iter(self.norms)
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if layer in self.convolutions:
                x = next(norms)(x)
            if index in taps:
                found.append(x)
        return found

    @torch.no_grad()
    def fold(self) -> None:
        """Put what the norms do by their running statistics into the convolutions."""
        for layer, norm in zip(self.convolutions, self.norms, strict=True):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            layer.weight *= scale[:, None, None, None]
            layer.bias.copy_((layer.bias - norm.running_mean) * scale + norm.bias)


class Pictures(torch.utils.data.Dataset[Tensor]):
    """The contents of `StyleData`'s sets, with new crops in every epoch of a `DataLoader`."""

    def __init__(self, items: ConcatDataset) -> None:
        self.items = items
        self.ends = [0, *items.cumulative_sizes]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Tensor:
        which = next(i for i, end in enumerate(self.ends[1:]) if index < end)
        epoch = int(torch.randint(2**20, ()))
        return self.items.datasets[which][epoch, index - self.ends[which]]["content"]


def read_vgg(path: Path) -> nn.Sequential:
    """The layers up to relu3_1 out of a file of the authors' layout."""
    layers = StyleEncoder(64).layers[: TAPS[2] + 1]
    state = torch.load(path, weights_only=True)
    layers.load_state_dict({key: tensor for key, tensor in state.items() if key in layers.state_dict()})
    return layers.requires_grad_(False)


def teach(vgg: nn.Sequential, squeezenet: nn.Sequential, pictures: Tensor) -> list[Tensor]:
    """The teachers' maps of pictures (B, 3, H, W) in [-1, 1]."""
    x, maps = (pictures + 1) / 2, []
    for index, layer in enumerate(vgg):
        x = layer(x)
        if index in TAPS:
            maps.append(x)
    return [*maps, squeezenet(imagenet(F.interpolate(pictures, scale_factor=2, mode="bilinear")))]


def scale_colours(encoder: StyleEncoder) -> None:
    """The first layer, which is not trained: colours in [0, 1] around 0, at a deviation of about 1."""
    with torch.no_grad():
        encoder.layers[0].weight.copy_(torch.eye(3)[:, :, None, None] / 0.25)
        encoder.layers[0].bias.fill_(-0.45 / 0.25)


@torch.no_grad()
def normalise(model: AdaIN, loader: DataLoader, batches: int = 40) -> None:
    """Scale each convolution so that every channel behind its ReLU has a mean of 1, and undo that in the next one."""
    encoder = model.encoder
    convolutions = [layer for layer in encoder.layers[1:] if isinstance(layer, nn.Conv2d)]
    sums = [torch.zeros(layer.out_channels) for layer in convolutions]
    for batch, _ in zip(loader, range(batches), strict=False):
        x = (batch + 1) / 2
        outputs = iter(sums)
        for layer in encoder.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                next(outputs).add_(x.mean((0, 2, 3)) / batches)
    for layer, following, mean in zip(convolutions, [*convolutions[1:], model.decoder.layers[1]], sums, strict=True):
        scale = 1 / mean.clamp(min=1e-3)
        layer.weight *= scale[:, None, None, None]
        layer.bias *= scale
        following.weight /= scale[:, None, None]


if __name__ == "__main__":
    main()
