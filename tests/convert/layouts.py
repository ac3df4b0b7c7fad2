"""Files of the authors' layouts, by their names alone, and what may be wrong with them."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import Tensor

from i2i_zoo.convert.build import build_method
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import method_class

State = dict[str, Tensor]


def resnet(blocks: int, channels: tuple[int, int] = (3, 3), width: int = 2) -> State:
    """CycleGAN's residual generator with instance norm, in the order of its layers."""
    wide = [width, 2 * width, 4 * width]
    shapes = {"model.1": (width, channels[0], 7, 7), "model.4": (wide[1], width, 3, 3)}
    shapes |= {"model.7": (wide[2], wide[1], 3, 3)}
    shapes |= {f"model.{10 + n}.conv_block.{i}": (wide[2], wide[2], 3, 3) for n in range(blocks) for i in (1, 5)}
    last = 10 + blocks
    shapes |= {f"model.{last}": (wide[2], wide[1], 3, 3), f"model.{last + 3}": (wide[1], width, 3, 3)}
    state = filled({**shapes, f"model.{last + 7}": (channels[1], width, 7, 7)})
    for transposed in (last, last + 3):  # their outputs are second
        state[f"model.{transposed}.bias"] = torch.randn(shapes[f"model.{transposed}"][1])
    return state


def patchgan(channels: int = 3, width: int = 2, halvings: int = 3) -> State:
    """The discriminator of CycleGAN and GcGAN with instance norm."""
    widths = [channels, *(width * 2**n for n in range(halvings + 1)), 1]
    places = [0, *(3 * n - 1 for n in range(1, halvings + 1)), 3 * halvings + 2]
    return filled({f"model.{i}": (o, c, 4, 4) for i, c, o in zip(places, widths, widths[1:], strict=False)})


#: Of AdaIN's networks: index of a convolution to its channels out and in, as multiples of the width; 0 is colours.
_ADAIN = {
    "encoder": {
        **{2: (1, 0), 5: (1, 1), 9: (2, 1), 12: (2, 2), 16: (4, 2), 19: (4, 4), 22: (4, 4), 25: (4, 4), 29: (8, 4)},
        **{index: (8, 8) for index in (32, 35, 38, 42, 45, 48, 51)},
    },
    "decoder": {
        1: (4, 8),
        5: (4, 4),
        8: (4, 4),
        11: (4, 4),
        14: (2, 4),
        18: (2, 2),
        21: (1, 2),
        25: (1, 1),
        28: (0, 1),
    },
}


def adain(network: str, width: int = 4) -> State:
    """AdaIN's ``encoder``, which goes on to relu5_4, or its ``decoder``."""
    shapes = {str(i): (o * width or 3, c * width or 3, 3, 3) for i, (o, c) in _ADAIN[network].items()}
    return filled(shapes | ({"0": (3, 3, 1, 1)} if network == "encoder" else {}))


def filled(shapes: dict[str, tuple[int, ...]]) -> State:
    """Weights and biases of layers."""
    state = {}
    for layer, shape in shapes.items():
        state |= {f"{layer}.weight": torch.randn(shape) / shape[1] ** 0.5, f"{layer}.bias": torch.randn(shape[0])}
    return state


def tracked(state: State, norms: dict[str, str], counters: bool) -> State:
    """With the running statistics of instance norms, by the names of the layers in front of them."""
    extra: State = {}
    for layer, norm in norms.items():
        like = state[f"{layer}.bias"]
        extra |= {f"{norm}.running_mean": torch.randn_like(like), f"{norm}.running_var": torch.rand_like(like)}
        if counters:
            extra[f"{norm}.num_batches_tracked"] = torch.tensor(200)
    return {**state, **extra}


def layers(state: State) -> list[str]:
    return [key.removesuffix(".weight") for key in state if key.endswith(".weight")]


def behind(layer: str) -> str:
    """The name of the layer behind it in its sequence."""
    return re.sub(r"\d+$", lambda number: str(int(number[0]) + 1), layer)


def saved_as(state: Any, path: Path, form: str) -> Path:
    """A file in one of the forms that PyTorch has written over the years."""
    if form == "data parallel":
        state = {f"module.{key}": tensor for key, tensor in state.items()}
    elif form == "metadata":
        content = torch.nn.Conv2d(1, 1, 1).state_dict()
        assert content._metadata  # type: ignore[attr-defined]
        content.clear()
        content.update(state)
        state = content
    elif form == "nested":
        state = {"state_dict": state, "epoch": 3}
    if form == "python 2":
        torch.save(state, path, pickle_module=PYTHON_2, pickle_protocol=2, _use_new_zipfile_serialization=False)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form != "legacy")
    return path


FORMS = ["zip", "legacy", "python 2", "data parallel", "metadata", "nested"]


class ByteStrings(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes strings as Python 2 did."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def save_str(self, text: str) -> None:
        data = text.encode()
        self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        self.memoize(text)

    dispatch[str] = save_str


def dump(content: Any, file: Any, protocol: int) -> None:
    ByteStrings(file, protocol).dump(content)


PYTHON_2 = SimpleNamespace(Pickler=ByteStrings, dump=dump, __name__="pickle")


def damages(state: State) -> Iterator[tuple[str, State]]:
    """The state with each of the tensors that are used lost, renamed, a single number, or of another shape."""
    for key, tensor in state.items():
        if "running_" in key:
            continue
        others = {name: value for name, value in state.items() if name != key}
        yield f"without {key}", others
        yield f"{key} renamed", {**others, f"{key}x": tensor}
        yield f"{key} a number", {**others, key: torch.tensor(1.0)}
        yield f"{key} flat", {**others, key: tensor.flatten()[:1]}
        yield f"{key} cut", {**others, key: tensor[:1] if len(tensor) > 1 else torch.cat([tensor, tensor])}


def junk() -> dict[str, State]:
    """State dicts of no network, or of other ones."""
    return {
        "numbers": {"a": torch.tensor(1.0), "b": torch.tensor(2.0)},
        "a classifier": filled({"conv1": (4, 3, 7, 7), "layer1.0.conv1": (4, 4, 3, 3), "fc": (10, 4)}),
        "weights without names": {"": torch.zeros(2), ".weight": torch.zeros(2, 2)},
        "biases": {"model.1.bias": torch.zeros(2), "encode_A.0.model.0.bias": torch.zeros(2)},
        "a patch discriminator": patchgan(),
        "a residual generator": resnet(6),
        "one convolution": filled({"model.1": (2, 3, 7, 7)}),
        "another's parts": filled({"enc.model.0.conv": (2, 3, 7, 7), "model_B.0.model.0": (2, 3, 3, 3)}),
        "many blocks": filled({f"model.{10 + n}.conv_block.1": (2, 2, 3, 3) for n in range(40)}),
    }


def refused(method: str, states: Mapping[str, State]) -> str | None:
    """The sentence that says what is wrong with these states, if they are no model of the method."""
    cls = method_class(method)
    try:
        hparams, tensors = import_module(f"i2i_zoo.convert.{method}").read(states)
        judged = any(name.partition(".")[0] in cls.discriminator_networks for name in tensors)
        build_method(cls, hparams, tensors, "the files", discriminators=judged)
    except ZooError as error:
        return str(error)
    return None


def check_refusals(method: str, states: Mapping[str, State], every: int = 5) -> None:
    """One sentence for each state of `junk` in the place of a network, and for every so many of `damages`."""
    for network in states:
        others = [(what, state) for what, state in junk().items() if state.keys() != states[network].keys()]
        for what, state in [*others, *islice(damages(states[network]), 0, None, every)]:
            sentence = refused(method, {**states, network: state})
            assert sentence is not None, (network, what)
            assert "\n" not in sentence
            assert sentence.endswith(".")
            assert re.search(r"authors' layout|do not fit|not of one model|unknown to|another network's", sentence), (
                network,
                what,
                sentence,
            )
