"""DPIG's checkpoints as its authors' TensorFlow wrote them.  Whether the layers are theirs is seen in tests/methods."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import i2i_zoo
from i2i_zoo import convert
from i2i_zoo.cli.main import main
from i2i_zoo.convert.pg2 import numbered
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.dpig import DPIG
from methods.dpig_authors import LAYERS, theirs
from tensorflow_files import write_tensorflow

#: Scopes of the authors to networks of ours, and to their layers.
SCOPES = {
    "Encoder/G_encoder": ("encoder", "encoder"),
    "ID_AE/G": ("decoder", "decoder"),
    "PoseAE/G_Pose_Encoder": ("pose_autoencoder.encoder", "mlp"),
    "PoseAE/G_Pose_Decoder": ("pose_autoencoder.decoder", "mlp"),
    "Gaussian_FC_Fg/G_FC": ("foreground_mapping", "mlp"),
    "Gaussian_FC_Bg/G_FC": ("background_mapping", "mlp"),
    "PoseGaussian/G_FC": ("pose_mapping", "mlp"),
}


def checkpoint(model: DPIG) -> dict[str, Tensor]:
    """The tensors of a model by the authors' names, in their layout."""
    state = {}
    for scope, (network, layers) in SCOPES.items():
        for key, ours in LAYERS[layers].items():
            kind, _, number = key.rpartition("_")
            for leaf in ("weight", "bias"):
                tensor = theirs(f"{ours}.{leaf}", model.get_parameter(f"{network}.{ours}.{leaf}").detach())
                name = f"{scope}/{numbered(kind, int(number))}/{'weights' if leaf == 'weight' else 'biases'}"
                if scope == "PoseAE/G_Pose_Decoder" and ours == "last":
                    state[name], state[name.replace("_9/", "_10/")] = tensor.split([36, 18], -1)
                else:
                    state[name] = tensor
    leaves = {"1": ("Filters", "Biases"), "B": ("scale", "offset"), "O": ("W", "b")}
    for key, ours in LAYERS["discriminator"].items():
        for theirs_leaf, leaf in zip(leaves.get(key[0], leaves["1"]), ("weight", "bias"), strict=True):
            tensor = model.discriminator.get_parameter(f"{ours}.{leaf}").detach()
            state[f"Discriminator.{key}/Discriminator.{key}.{theirs_leaf}"] = theirs(f"{ours}.{leaf}", tensor)
    for factor, prefix in (("foreground", "Fg_FCDis_"), ("background", "Bg_FCDis_"), ("pose", "Pose_emb_")):
        layers = ["Input.Linear", "0.Linear", "1.Linear", "2.Linear", "Out"]
        for layer, module in zip(layers, list(model.get_submodule(f"{factor}_critic"))[::2], strict=True):
            scope = f"{prefix}Discriminator.{layer}"
            state |= {f"{scope}/{scope}.W": module.weight.detach().T, f"{scope}/{scope}.b": module.bias.detach()}
    return state


@pytest.fixture(scope="module")
def model() -> DPIG:
    torch.manual_seed(0)
    model = DPIG(width=2, hidden=8, region_code=3, background_code=5, pose_code=4, bottleneck=6, discriminator_width=2)
    model.configure_model()
    return model.eval()


def test_four_checkpoints_are_one_model(model: DPIG, tmp_path: Path) -> None:
    state = checkpoint(model)
    parts = {
        "encoder": ("Encoder", "ID_AE", "Disc"),
        "pose_autoencoder": ("PoseAE",),
        "foreground_mapping": ("Gaussian_FC", "Encoder", "Fg", "Bg"),
        "pose_mapping": ("PoseGaussian", "Pose_emb"),
    }
    files = []
    for network, scopes in parts.items():
        file = tmp_path / f"{network}.ckpt-1.index"
        write_tensorflow(file, {name: tensor for name, tensor in state.items() if name.startswith(scopes)})
        files.append(f"{network}={file}")
    assert main(["convert", "dpig", *files, "-o", str(tmp_path / "model")]) == 0
    converted = i2i_zoo.load(tmp_path / "model", discriminators=True)
    recorded = ("size", "width", "blocks", "region_side", "region_code", "background_code", "pose_code", "bottleneck")
    for name in (*recorded, "hidden", "discriminator_width"):
        expected = model.hparams[name]
        assert converted.hparams[name] == (list(expected) if name == "size" else expected), name
    for name, tensor in converted.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"Gaussian_FC_Bg/G_FC/fully_connected/weights": None},
            "it has no Gaussian_FC_Bg/G_FC/fully_connected/weights",
        ),
        ({"Encoder/G_encoder/fully_connected_1/weights": torch.zeros(310, 5)}, r"give --hparam size=\[HEIGHT,WIDTH\]"),
        (
            {"PoseAE/G_Pose_Decoder/fully_connected_10/biases": None},
            "has no PoseAE/G_Pose_Decoder/fully_connected_10/b",
        ),
    ],
)
def test_files_that_do_not_fit(model: DPIG, change: dict[str, Tensor | None], words: str, tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in {**checkpoint(model), **change}.items() if tensor is not None}
    write_tensorflow(tmp_path / "all.index", state)
    with pytest.raises(ZooError, match=words):
        convert("dpig", tmp_path / "all.index")
