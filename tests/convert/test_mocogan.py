"""State dicts of MoCoGAN's authors, made from the weights of a case of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import i2i_zoo
from i2i_zoo import convert
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.networks.mocogan import VideoDiscriminator
from methods.test_mocogan import NETWORKS, Draws, golden


def saved(tmp_path: Path) -> dict[str, Path]:
    """Files of the three networks, without the counts that old files lack."""
    stored, files = golden("train"), {}
    for letter, network in NETWORKS.items():
        state = {key: tensor for key, tensor in stored.state(letter).items() if "num_batches" not in key}
        files[network] = tmp_path / f"{network}.pth"
        torch.save(state, files[network])
    return files


def test_the_generator_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = golden("sample")
    torch.save(stored.state("G"), tmp_path / "generator.pth")
    model = convert("mocogan", tmp_path / "generator.pth")
    assert isinstance(model, MoCoGAN)
    assert "the tensors do not show content=50; this is assumed" in capsys.readouterr().err
    with torch.no_grad():
        video = model(*Draws(stored).codes(16)).transpose(1, 2)
    assert stored.check("video", video[:, :, [0, 7, 15]])[0]
    other = convert("mocogan", tmp_path / "generator.pth", content=52)
    assert (other.hparams.content, other.hparams.categories) == (52, 4)


def test_all_networks(tmp_path: Path) -> None:
    model = convert("mocogan", saved(tmp_path))
    expected = MoCoGAN().hparams
    assert {name: model.hparams[name] for name in expected} == dict(expected)
    i2i_zoo.save(model, tmp_path / "saved")
    again = i2i_zoo.load(tmp_path / "saved", discriminators=True)
    assert sum(p.numel() for p in again.parameters()) == 3_298_836 + 663_296 + 11_253_504


def test_a_video_discriminator_of_patches(tmp_path: Path) -> None:
    files = saved(tmp_path)
    state = VideoDiscriminator(categories=0, patches=True).state_dict()
    torch.save({key.replace("body", "main"): tensor for key, tensor in state.items()}, files["video_discriminator"])
    generator = torch.load(files["generator"])
    generator["main.0.weight"] = generator["main.0.weight"][:60]
    torch.save(generator, files["generator"])
    model = convert("mocogan", files)
    assert (model.hparams.video_patches, model.hparams.categories) == (True, 0)


def test_what_does_not_belong_together(tmp_path: Path) -> None:
    files = saved(tmp_path)
    with pytest.raises(ZooError, match="video_discriminator has categories=6 and another network 4"):
        convert("mocogan", files, content=52)
    with pytest.raises(ZooError, match="not in the authors' layout"):
        convert("mocogan", files["video_discriminator"])


def test_a_pickled_module_is_not_run(tmp_path: Path) -> None:
    module: Any = nn.Sequential(nn.Linear(1, 1))
    torch.save(module, tmp_path / "generator_00100.pytorch")
    with pytest.raises(ZooError, match="holds objects that could run code; nothing of it was loaded"):
        convert("mocogan", tmp_path / "generator_00100.pytorch")
