"""AdaIN's training step and stylisation against the authors' code: the same weights, the same pictures, one process.

    git clone https://github.com/naoto0804/pytorch-AdaIN authors
    python benchmarks/adain_against_authors.py authors --precision 32

Weights are random, since only times and agreement matter.  Stylisation is of 512x512 contents in one style as large;
theirs encodes the style again for each content, as their script does.  The clock is that of
`pix2pix_against_authors.py`.
"""

from __future__ import annotations

import argparse
import copy
import sys
from typing import Any

import torch
from race import Race, arguments, batches, compare, peak_memory, race_inference, setting, trainer
from torch import Tensor, nn

from i2i_zoo.convert import adain
from i2i_zoo.methods.adain import AdaIN
from i2i_zoo.networks.initialization import init_kaiming

#: Contents in one style.
CONTENTS = 4


def authors_modules(checkout: str) -> tuple[Any, Any]:
    """Their ``net`` and ``function``."""
    sys.path.insert(0, checkout)
    import function  # type: ignore[import-not-found]
    import net  # type: ignore[import-not-found]

    return net, function


class Authors:
    """Their networks and losses with random weights, the step of their ``train.py``, and their ``style_transfer``."""

    def __init__(self, checkout: str, device: str) -> None:
        net, self.function = authors_modules(checkout)
        self.vgg, self.decoder = init_kaiming(copy.deepcopy(net.vgg)), init_kaiming(copy.deepcopy(net.decoder))
        self.network = net.Net(nn.Sequential(*list(self.vgg.children())[:31]), self.decoder).to(device).train()
        self.optimizer = torch.optim.Adam(self.network.decoder.parameters(), lr=1e-4)
        self.losses: list[Tensor] = []

    def step(self, batch: dict[str, Tensor]) -> None:
        content, style = self.network((batch["content"] + 1) / 2, (batch["style"] + 1) / 2)
        self.losses = [content.detach(), 10 * style.detach()]
        self.optimizer.zero_grad()
        (content + 10 * style).backward()
        self.optimizer.step()

    def stylise(self, contents: Tensor, style: Tensor) -> Tensor:
        """Of contents (N, 3, H, W) and a style (1, 3, h, w), one content at a time."""
        vgg = nn.Sequential(*list(self.vgg.children())[:31])
        outputs = []
        for content in contents.split(1):
            features, style_features = vgg((content + 1) / 2), vgg((style + 1) / 2)
            outputs.append(self.decoder(self.function.adaptive_instance_normalization(features, style_features)))
        return torch.cat(outputs) * 2 - 1


def our_model(theirs: Authors) -> AdaIN:
    """Our model with their weights, and without their schedule, which changes nothing in time."""
    hparams, tensors = adain.read({"encoder": theirs.vgg.state_dict(), "decoder": theirs.decoder.state_dict()})
    model = AdaIN(**hparams, lr_decay=0.0)
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


def pictures(count: int, size: int, device: str) -> dict[str, Tensor]:
    return {key: torch.rand(count, 3, size, size, device=device) * 2 - 1 for key in ("content", "style")}


def train(which: str, args: argparse.Namespace) -> None:
    """Three steps of one of the two."""
    batch = pictures(args.batch, args.size, args.device)
    if which == "authors":
        theirs = Authors(args.checkout, args.device)
        for _ in range(3):
            theirs.step(batch)
    else:
        model = AdaIN()
        init_kaiming(model)
        trainer(args.precision, args.device, 3).fit(model, batches(batch, 3))


def main() -> None:
    args = arguments("AdaIN against its authors' code.")
    if not args.compile:  # the compiler's own memory would be counted
        peak_memory(train, args)
    theirs, batch = Authors(args.checkout, args.device), pictures(args.batch, args.size, args.device)
    ours = our_model(theirs)
    if args.compile:
        ours.compile_networks()

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        return list(zip((of["train/decoder/content"], of["train/decoder/style"]), theirs.losses, strict=True))

    race, steps = Race(lambda: theirs.step(batch), losses, args.device), args.rounds + 1
    trainer(args.precision, args.device, steps, race).fit(ours, batches(batch, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), losses_relative_difference=first)

    dtype = {"32": torch.float32, "bf16": torch.bfloat16}[args.precision]
    ours.decoder.load_state_dict(
        {f"layers.{name}": tensor for name, tensor in theirs.decoder.state_dict().items()}
    )  # both were trained a little apart
    ours.eval().to(args.device, dtype)
    for count in (1, CONTENTS):
        shown = pictures(count, 2 * args.size, args.device)
        contents, style = shown["content"], shown["style"][:1]
        race_stylisation(ours, theirs, contents, style, dtype, args)


def race_stylisation(
    ours: AdaIN, theirs: Authors, contents: Tensor, style: Tensor, dtype: torch.dtype, args: argparse.Namespace
) -> None:
    """Time both, and print how far the outputs are apart."""

    def stylise() -> Tensor:
        styled = ours.translator(style=style[0].to(dtype), style_size=None)
        return torch.cat([styled(content) for content in contents.to(dtype).split(1)])

    race_inference(stylise, lambda: theirs.stylise(contents, style), args, what=f"{len(contents)} contents")
    with torch.inference_mode():
        expected = theirs.stylise(contents, style)
        difference = (stylise().float() - expected).abs().max() / expected.abs().max()
    print(f"largest difference of outputs: {difference:.1e} of the largest value")


if __name__ == "__main__":
    main()
