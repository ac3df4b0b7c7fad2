"""The authors' checkpoints of TGAN: Chainer's files, filled with the weights of the golden numbers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from i2i_zoo import convert, load
from i2i_zoo.cli.main import main
from i2i_zoo.convert.tgan import LAYERS
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.tgan import TGAN
from methods.tgan import CHAINER, NETWORKS, golden, snapshot

#: The authors' names of the files.
FILES = {
    "temporal_generator": "gen_iter_9.npz",
    "image_generator": "vgen_iter_9.npz",
    "discriminator": "vdis_iter_9.npz",
}


def save_npz(path: Path, state: Mapping[str, Tensor]) -> Path:
    """Write a network's tensors, by layer and kind, as Chainer's ``save_npz`` does."""
    arrays: dict[str, Any] = {name.replace(".", "/"): tensor.numpy() for name, tensor in state.items()}
    norms = {name.split("/")[0] for name in arrays if name.endswith("/avg_mean")}
    np.savez_compressed(path, **arrays, **{f"{norm}/N": np.asarray(9) for norm in norms})
    return path


@torch.inference_mode()
def test_the_authors_generators_give_the_authors_numbers(tmp_path: Path) -> None:
    stored = golden("generator")
    files = {
        NETWORKS[letter]: save_npz(tmp_path / FILES[NETWORKS[letter]], snapshot(stored.state(letter)))
        for letter in ("G0", "G1")
    }
    model: Any = convert("tgan", files)
    assert dict(model.hparams) == {**TGAN().hparams, "shift": True}
    clips = model(stored.input("z0"))
    assert stored.check("video_eval", clips[:2, [0, 7, 15], :, ::2, ::2].transpose(1, 2))[0]


def theirs(model: TGAN, network: str) -> dict[str, Tensor]:
    """A network of ours in the authors' layout."""
    tensors = getattr(model, network).state_dict()
    found = {}
    for layer, place in LAYERS[network].items():
        for leaf, kind in CHAINER.items() if layer.startswith("bn") else (("weight", "W"), ("bias", "b")):
            if f"{place}.{leaf}" in tensors:
                found[f"{layer}.{kind}"] = tensors[f"{place}.{leaf}"]
    if network == "discriminator":
        found["c4.W"] = found["c4.W"].squeeze(2)
        found |= {"bn0.gamma": torch.ones(4), "bn0.avg_mean": torch.zeros(4), "bn0.avg_var": torch.ones(4)}
    return found


@pytest.mark.parametrize("adversarial", ["wgan", "vanilla"])
def test_all_networks_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], adversarial: str
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model = TGAN(width=2, discriminator_width=4, latent=7)
    model.configure_model()
    for network, file in FILES.items():
        save_npz(Path(file), theirs(model, network))
    files = [f"{network}={file}" for network, file in FILES.items()]
    options = ["--hparam", "adversarial=vanilla"] if adversarial == "vanilla" else []
    assert main(["convert", "tgan", *files, *options, "-o", "out"]) == 0
    assert ("do not show adversarial='wgan'" in capsys.readouterr().err) == (adversarial == "wgan")
    found = load("out", discriminators=True)
    assert dict(found.hparams) == {**model.hparams, "adversarial": adversarial}
    for name, tensor in model.state_dict().items():
        # The authors' vanilla discriminator gives high logits to generated clips.
        sign = -1 if adversarial == "vanilla" and name.startswith("discriminator.last") else 1
        assert torch.equal(found.state_dict()[name], sign * tensor), name


def test_files_that_are_not_the_authors(tmp_path: Path) -> None:
    model = TGAN(width=2, latent=7)
    temporal, image = (theirs(model, network) for network in model.inference_networks)
    file = tmp_path / "gen_iter_9.npz"

    def refused(state: Mapping[str, Tensor], words: str) -> None:
        with pytest.raises(ZooError, match=words):
            convert("tgan", {"temporal_generator": save_npz(file, state)})

    refused(image, "This temporal_generator is not in the authors' layout: it has l0s.W")
    refused({"bn0.gamma": torch.ones(3)}, "not in the authors' layout: it has norm.0.weight")
    refused({"bn0.N": torch.tensor(3)}, r"the file holds no weights of Chainer; give what save_npz wrote")
    refused(temporal, "image_generator")
    other = save_npz(tmp_path / "vgen_iter_9.npz", theirs(TGAN(width=3, latent=7), "image_generator"))
    with pytest.raises(ZooError, match="image_generator has width=3 and another network 2: they are not of one model"):
        convert("tgan", {"temporal_generator": file, "image_generator": other})

    np.savez(file, **{"dc0/W": np.array([print], object)})
    with pytest.raises(ZooError, match=r"no file of Chainer's weights \(Object arrays cannot be loaded"):
        convert("tgan", file)
    np.savez_compressed(file, **{"dc0/W": np.zeros(10**6, np.float32)})
    with pytest.raises(ZooError, match=r"\(it would unpack to 4000128 bytes\); get it again"):
        convert("tgan", file)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("dc0/W.npy", b"nothing")
    file.write_bytes(data.getvalue())
    with pytest.raises(ZooError, match="no file of Chainer's weights"):
        convert("tgan", file)
