"""The authors' checkpoints of the Deformable GAN: Keras' files, filled with the weights of the golden numbers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from golden.fill import Golden
from i2i_zoo import convert, load
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.deformable import Deformable
from methods.posegan import golden, our_name, our_state, poses

#: The keys of a discriminator's layers, in the order in which the authors made them.
DISCRIMINATOR = ["00.conv", "01.conv", "01.norm", "02.conv", "02.norm", "03.conv", "03.norm", "04.conv"]


def keras_layers(stored: Golden) -> list[tuple[str, str]]:
    """Keys of the generator's layers to Keras' names."""
    return [tuple(pair) for pair in stored.info["keras_layers"]]


def save_keras(path: Path, state: dict[str, Tensor], layers: list[tuple[str, str]], whole: bool = True) -> Path:
    """Write weights, whose keys are layer and kind, as Keras 2.0.8 does with ``save``, or with ``save_weights``."""
    with h5py.File(path, "w") as file:
        if whole:
            file.attrs["keras_version"] = b"2.0.8"
            file.attrs["model_config"] = json.dumps({"class_name": "Model"}).encode()
            file.create_group("optimizer_weights")["training/Adam/iterations:0"] = np.float32(3)
        root = file.create_group("model_weights") if whole else file
        root.attrs["layer_names"] = [b"input_1", *(name.encode() for _, name in layers)]
        root.create_group("input_1").attrs["weight_names"] = np.zeros(0)
        for key, name in sorted(layers, key=lambda layer: layer[1]):
            group = root.create_group(name)
            own = {full.rpartition(".")[2]: t for full, t in state.items() if full.rpartition(".")[0] == key}
            group.attrs["weight_names"] = [f"{name}/{kind}:0".encode() for kind in own]
            for kind, tensor in own.items():
                group[f"{name}/{kind}:0"] = tensor.numpy()
    return path


@pytest.mark.parametrize("whole", [True, False], ids=["save", "save_weights"])
@pytest.mark.parametrize(("case", "warp"), [("generator_none", "none"), ("generator_mask", "parts")])
@torch.inference_mode()
def test_the_authors_generator_gives_the_authors_numbers(tmp_path: Path, case: str, warp: str, whole: bool) -> None:
    stored = golden(case)
    file = save_keras(tmp_path / "generator.h5", stored.state("G"), keras_layers(stored), whole)
    model: Any = convert("deformable", file)
    assert (model.hparams.width, model.hparams.downs, model.hparams.warp) == (64, 5, warp)
    output = model(stored.input("source"), *(poses(stored[f"{which}_keypoints"]) for which in ("source", "target")))
    for sample in range(2):
        assert stored.check(f"out{sample}", output[sample : sample + 1, :, ::2, ::2])[0]


def test_both_networks_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = Deformable(width=4, downs=3, discriminator_width=2)
    model.configure_model()
    counters = {"conv": 30, "convt": 0, "norm": 9}
    kinds = {"conv": "conv2d", "convt": "conv2d_transpose", "norm": "instance_normalization"}

    def layers(keys: list[str]) -> list[tuple[str, str]]:
        pairs = []
        for key in keys:
            kind = key.rpartition(".")[2]
            counters[kind] += 1
            pairs.append((key, f"{kinds[kind]}_{counters[kind]}"))
        return pairs

    generator = [f"{e}.{n:02}.{k}" for e in ("app", "pose") for n in range(4) for k in ("conv", "norm")]
    generator = [key for key in generator if not key.endswith(("00.norm", "03.norm"))]
    generator += [f"dec.{n:02}.{k}" for n in range(3) for k in ("convt", "norm")] + ["dec.03.conv"]
    for network, keys in (("generator", generator), ("discriminator", DISCRIMINATOR)):
        ours = {name: parameter for name, parameter in getattr(model, network).state_dict().items()}
        state = {}
        for key in keys:
            for kind in ("gamma", "beta") if key.endswith("norm") else ("kernel", "bias"):
                if (tensor := ours.pop(our_name(f"{key}.{kind}"), None)) is not None:
                    state[f"{key}.{kind}"] = tensor.permute(2, 3, 1, 0) if tensor.dim() == 4 else tensor
        assert not ours
        save_keras(Path(f"{network}.h5"), state, layers(keys))
    assert main(["convert", "deformable", "generator=generator.h5", "discriminator=discriminator.h5", "-o", "out"]) == 0
    found = load("out", discriminators=True)
    assert found.hparams.discriminator_width == 2
    for name, tensor in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


def test_files_that_are_not_the_authors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = golden("generator_none")
    state, layers = stored.state("G"), keras_layers(stored)
    for changed, message in (
        (layers[:-1], "it has 6 layers conv2d, not 7"),
        ([*layers, ("dec.05.conv", "dense_1")], r"it has dense_1\.bias, dense_1\.kernel"),
        (layers[5:], "do not fit the model|not in the authors' layout"),
        ([], "the file holds no weights of Keras; give what save or save_weights wrote"),
    ):
        with pytest.raises(ZooError, match=message):
            convert("deformable", save_keras(tmp_path / "changed.h5", state, changed))
    small = {"00.conv.kernel": torch.zeros(4, 4, 42, 2), "00.conv.bias": torch.zeros(2)}
    file = save_keras(tmp_path / "small.h5", small, [("00.conv", "conv2d_1")])
    with h5py.File(file, "a") as content:
        content["model_weights/conv2d_1/link"] = h5py.ExternalLink(str(tmp_path / "changed.h5"), "/model_weights")
        content["model_weights/conv2d_1/self"] = content["model_weights"]
    with pytest.raises(ZooError, match="it has 1 layers conv2d"):
        convert("deformable", {"discriminator": file, "generator": file})
    with h5py.File(file, "a") as content:
        content["model_weights/conv2d_1/objects"] = np.array([b"cos\nsystem\n"])
    with pytest.raises(ZooError, match=r"small\.h5: .* \(conv2d_1/objects holds no numbers of its own\)"):
        convert("deformable", file)
    huge = tmp_path / "huge.h5"
    with h5py.File(huge, "w") as content:
        content.create_dataset("conv2d_1/kernel:0", (2**20, 2**20), "f4", chunks=(64, 64))
    with pytest.raises(ZooError, match=r"huge\.h5: this is no file of Keras' weights"):
        convert("deformable", huge)
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ZooError, match=r"small\.h5: this is no file of Keras' weights \(.*\); get it again\.$"):
        convert("deformable", file)
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr("i2i_zoo.store.keras.find_spec", lambda name: None)
    with pytest.raises(ZooError, match=r"small\.h5 is read with h5py, which is not installed: pip install h5py\.$"):
        convert("deformable", file)


def test_our_names_are_those_of_the_golden_weights() -> None:
    stored = golden("generator_mask")
    assert set(our_state(stored, "G")) == set(Deformable().generator.state_dict())
