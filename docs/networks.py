"""Draws the networks of methods as they are by default: docs/methods/networks/NAME.svg.

``python docs/networks.py [NAME ...]``.  A training step runs on tensors without memory, which have shapes but no
values, and the figure shows what the convolutions and linear layers of each network gave.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from i2i_zoo import lightning_private
from i2i_zoo.methods.base import Method
from i2i_zoo.registry import METHODS, method_class

FOLDER = Path(__file__).parent / "methods" / "networks"
#: Height and width of the pictures; the others are square, with 256 pixels.
SIZES = {
    **dict.fromkeys(("deformable", "dpig", "pg2", "pix2pix_pose"), (128, 64)),
    **dict.fromkeys(("dcgan", "dvdgan", "mocogan", "monkeynet", "tgan", "vgan"), (64, 64)),
    **dict.fromkeys(("edn", "spade", "vid2vid"), (256, 512)),
    "cogan": (28, 28),
    "pix2pixhd": (512, 1024),
}
#: What a step needs beside the defaults: losses by pretrained networks are left out, since these are not drawn.
OPTIONS: dict[str, dict[str, Any]] = {
    **{name: {"lambda_perceptual": 0.0} for name in ("edn", "pix2pixhd", "spade", "vid2vid")},
    "deformable": {"lambda_nn": 0.0},
}
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
VECTORS = (nn.Linear, nn.GRUCell)

ROW, BAR, GAP, TEXT = 150, 13, 4, "#808080"
COLOURS = {"smaller": "#2a9d8f", "same": "#8ecae6", "larger": "#f4a261", "vector": "#b8a1d9"}


@dataclass
class Layer:
    """The output of a layer: its channels and its sides in pixels; ``count`` of them follow each other."""

    channels: int
    sides: tuple[int, ...]
    count: int = 1

    @property
    def side(self) -> float:
        return (self.sides[-1] * self.sides[-2]) ** 0.5 if len(self.sides) > 1 else 1.0


def traced(name: str) -> dict[str, list[Layer]]:
    """The layers of each network of a method, in the order in which its first pass reaches them."""
    with torch.device("meta"):
        model = method_class(name)(**OPTIONS.get(name, {}))
        model.configure_model()
    networks = (*model.inference_networks, *model.discriminator_networks)
    found: dict[str, list[Layer]] = {network: [] for network in networks}
    for network in networks:
        watch(getattr(model, network), found[network])
    batch = model.example_batch(2, *SIZES.get(name, (256, 256)))
    batch = {key: value.to("meta") for key, value in batch.items()}
    if {"label", "video"} <= set(batch):
        batch["flow"] = batch["video"][:, :, :2]  # which a pretrained network finds otherwise
    for done in (0, 10**9):  # methods of two stages
        step(model, batch, done)
    return {network: layers for network, layers in found.items() if layers}


def watch(network: nn.Module, layers: list[Layer]) -> None:
    """Note the outputs of the first pass through a network's layers."""
    seen: set[nn.Module] = set()

    def note(layer: nn.Module, _: Any, output: Tensor) -> None:
        if layer in seen:
            return
        seen.add(layer)
        if isinstance(layer, VECTORS):
            new = Layer(output.shape[-1], ())
        else:
            new = Layer(output.shape[1], tuple(output.shape[2:]))
        if layers and (layers[-1].channels, layers[-1].sides) == (new.channels, new.sides):
            layers[-1].count += 1
        else:
            layers.append(new)

    for layer in network.modules():
        if isinstance(layer, (*CONVOLUTIONS, *VECTORS)):
            layer.register_forward_hook(note)


def step(model: Method, batch: dict[str, Tensor], done: int) -> None:
    """A training step without updates, after so many batches."""

    @contextmanager
    def update(player: str) -> Iterator[dict[str, Tensor]]:
        yield {}

    with (
        patch.object(model, "update", update),
        patch.object(lightning_private, "batches_done", lambda trainer: done),
        patch.object(type(model), "trainer", None),
        patch.object(torch, "autocast", lambda *_, **__: nullcontext()),  # which does not know this kind of device
        patch.object(torch, "is_autocast_enabled", lambda *_: False),
        torch.no_grad(),
        torch.device("meta"),
    ):
        if model.discriminator_networks:
            model.training_step(batch, 0)
        else:  # its losses need pretrained networks
            model(*batch.values())


def drawn(networks: dict[str, list[Layer]]) -> str:
    """The figure as SVG: a row for each network, a bar for each layer, higher for more pixels."""
    width = max(200, *(len(layers) * (BAR + GAP) + 30 for layers in networks.values()))
    lines = []
    for row, (name, layers) in enumerate(networks.items()):
        base, before = row * ROW + 120, 0.0
        lines.append(f'<text x="8" y="{row * ROW + 16}" font-size="13" font-weight="bold">{name}</text>')
        for number, layer in enumerate(layers):
            x, height = 10 + number * (BAR + GAP), 6 + 7 * log2(max(layer.side, 1))
            kind = "vector" if not layer.sides else "same"
            if layer.sides and before and not 0.75 < layer.side / before < 1.33:  # padding alone changes it a little
                kind = "smaller" if layer.side < before else "larger"
            sides = " x ".join(map(str, layer.sides))
            title = f"{layer.count} x {layer.channels} channels" + (f" of {sides}" if sides else "")
            lines.append(
                f'<rect x="{x}" y="{base - height:.0f}" width="{BAR}" height="{height:.0f}" rx="2" '
                f'fill="{COLOURS[kind]}"><title>{title}</title></rect>'
            )
            if layer.sides and layer.side != before:
                lines.append(f'<text x="{x}" y="{base - height - 3:.0f}" font-size="8">{layer.sides[-1]}</text>')
            label = f"{layer.channels}" + (f" x{layer.count}" if layer.count > 1 else "")
            place = f'transform="translate({x + 10},{base + 4}) rotate(-60)" text-anchor="end"'
            lines.append(f'<text font-size="8" {place}>{label}</text>')
            before = layer.side if layer.sides else 0.0
    size = f'width="{width}" height="{len(networks) * ROW}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" fill="{TEXT}">',
            *lines,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    # One figure for each file of methods: some have a second class for other data.
    for name in sys.argv[1:] or [name for name, method in METHODS.items() if f".{name}:" in method.implementation]:
        (FOLDER / f"{name}.svg").write_text(drawn(traced(name)), encoding="utf-8")
