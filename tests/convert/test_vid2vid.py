"""The authors' files of vid2vid: their keys, made from our networks, come back as the same networks."""

from __future__ import annotations

import re
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

import i2i_zoo
from i2i_zoo import convert, registry
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.vid2vid import Vid2Vid, Vid2VidFace
from methods.test_vid2vid import golden

SMALL: dict[str, Any] = {
    "labels": 4, "width": 8, "downs": 3, "blocks": 5, "scales": 2, "fine_blocks": 2, "foreground": [1, 2],
    "discriminator_width": 4, "temporal_scales": 1,
}  # fmt: skip


def authors_scale(model: Vid2Vid | Vid2VidFace, number: int) -> dict[str, Tensor]:
    """The state dict that the authors' code has for one of our scales."""
    scale: Any = model.generator.scales[number]
    state: dict[str, Tensor] = {}

    def add(sequence: Any, first: int, name: str, start: int = 0, stop: int | None = None) -> None:
        """Layers of a sequence from ``start`` on, which are numbered from ``first`` in the authors' ``name``."""
        for offset, layer in enumerate(sequence[start:stop]):
            for key, tensor in layer.state_dict().items():
                inner = re.sub(r"body\.(\d+)", lambda found: f"conv_block.{int(found[1]) + 1}", key)
                state[f"{name}.{first + offset}.{inner}"] = tensor

    def decoder(sequence: Any, blocks: str, up: str) -> None:
        count = sum(type(layer).__name__ == "ResidualBlock" for layer in sequence)
        if number:  # one sequence
            add(sequence, 0, up)
        else:
            add(sequence, 0, blocks, 0, count)
            add(sequence, 0, up, count)

    add(scale.labels, 1, "model_down_seg")
    add(scale.before, 1, "model_down_img")
    decoder(scale.picture, "model_res_img", "model_up_img")
    decoder(scale.motion, "model_res_flow", "model_up_flow")
    if foreground := isinstance(model, Vid2Vid):
        add(scale.foreground_down, 1, "indv_down")
        decoder(scale.foreground_up, "indv_res", "indv_up")
    for leaf in ("weight", "bias"):
        state[f"model_final_img.1.{leaf}"] = getattr(scale.picture_head, leaf)
        if foreground:
            state[f"indv_final.1.{leaf}"] = getattr(scale.foreground_head, leaf)
        state[f"model_final_flow.1.{leaf}"], state[f"model_final_w.1.{leaf}"] = getattr(scale.motion_head, leaf).split(
            [2, 1]
        )
    return {key: tensor.detach().clone() for key, tensor in state.items()}


def authors_discriminator(network: Any) -> dict[str, Tensor]:
    state = {}
    for number, scale in enumerate(reversed(network.scales)):
        for layer, convolution in enumerate(scale.convolutions):
            state |= {f"scale{number}_layer{layer}.0.{k}": t for k, t in convolution.state_dict().items()}
        for layer, norm in enumerate(scale.norms, 1):
            state |= {f"scale{number}_layer{layer}.1.{k}": t for k, t in norm.state_dict().items()}
    return state


def saved(tmp_path: Path) -> tuple[Vid2Vid, dict[str, Path]]:
    torch.manual_seed(0)
    model = Vid2Vid(**SMALL)
    model.configure_model()
    states = {
        "generator": authors_scale(model, 0),
        "generator_1": authors_scale(model, 1),
        "image_discriminator": authors_discriminator(model.image_discriminator),
        "temporal_discriminator_0": authors_discriminator(model.temporal_discriminator_0),
    }
    files = {}
    for name, state in states.items():
        files[name] = tmp_path / f"{name}.pth"
        torch.save({key: tensor for key, tensor in state.items() if "num_batches" not in key}, files[name])
    return model, files


def test_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, files = saved(tmp_path)
    found = convert("vid2vid", files, foreground=[1, 2])
    assert "the tensors do not show labels=4, edges=True, first_frame='given'" in capsys.readouterr().err
    assert {name: found.hparams[name] for name in SMALL} == SMALL
    expected = model.state_dict()
    assert found.state_dict().keys() == expected.keys()
    for name, tensor in found.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    i2i_zoo.save(found, tmp_path / "saved")
    assert i2i_zoo.load(tmp_path / "saved", discriminators=True).hparams.temporal_scales == 1


def test_the_authors_own_keys(tmp_path: Path) -> None:
    """The layout of a generator that their code built, beside the one made above."""
    stored = golden("generator")
    torch.save(stored.state("G0"), tmp_path / "latest_net_G0.pth")
    model = convert("vid2vid", tmp_path / "latest_net_G0.pth", foreground=[26, 33])
    assert isinstance(model, Vid2Vid)
    back = authors_scale(model, 0)
    assert back.keys() == stored.state("G0").keys()
    for key, tensor in stored.state("G0").items():
        assert torch.equal(back[key], tensor), key


def test_what_does_not_belong_together(tmp_path: Path) -> None:
    model, files = saved(tmp_path)
    with pytest.raises(ZooError, match="The generator's file is needed"):
        convert("vid2vid", {name: path for name, path in files.items() if name != "generator"})
    with pytest.raises(ZooError, match="Scale 1 of this generator begins with 8 channels, not 4"):
        convert("vid2vid", {"generator": files["generator"], "generator_1": files["generator"]})
    with pytest.raises(ZooError, match=r"has no network 'generator_4': choose from generator, .*generator_2"):
        convert("vid2vid", {"generator_4": files["generator"]})
    state = authors_scale(model, 0)
    torch.save({key: tensor for key, tensor in state.items() if "_w." not in key}, tmp_path / "no_flow.pth")
    with pytest.raises(ZooError, match=r"no flow \(the authors' --no_flow\)"):
        convert("vid2vid", tmp_path / "no_flow.pth")
    torch.save(state | {"model_up_seg.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ZooError, match=r"not in the authors' layout: it has model_up_seg\.0\.weight"):
        convert("vid2vid", tmp_path / "other.pth")


def test_faces(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Vid2VidFace(width=4, downs=3, blocks=5)
    model.configure_model()
    torch.save(authors_scale(model, 0), tmp_path / "latest_net_G0.pth")
    found = convert("vid2vid_face", tmp_path / "latest_net_G0.pth")
    assert isinstance(found, Vid2VidFace)
    assert found.hparams.items() >= {"width": 4, "downs": 3, "blocks": 5, "past": 2, "scales": 1}.items()
    assert found.needs_first
    for name, tensor in found.generator.state_dict().items():
        assert torch.equal(tensor, model.generator.state_dict()[name]), name
    _, files = saved(tmp_path)
    with pytest.raises(ZooError, match=r"not one for faces, which sees 15 channels .*: it sees 5\.  Try it as vid2vid"):
        convert("vid2vid_face", files["generator"])
    labels = Vid2Vid(**SMALL | {"labels": 14, "scales": 1})
    labels.configure_model()
    torch.save(authors_scale(labels, 0), tmp_path / "labels.pth")
    with pytest.raises(ZooError, match="not one for faces"):  # as many channels, but a foreground
        convert("vid2vid_face", tmp_path / "labels.pth")


def test_an_archive_with_a_file_for_each_scale_is_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    model = Vid2Vid(**SMALL | {"scales": 3, "foreground": [1]})
    packed, asked = BytesIO(), []
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(3):
            with archive.open(f"label2city_2048/latest_net_G{number}.pth", "w") as file:
                torch.save(authors_scale(model, number), file)

    def download(id: str, output: str) -> None:
        asked.append(id)
        if len(asked) > 1:
            raise RuntimeError("Too many users have viewed or downloaded this file recently.")
        Path(output).write_bytes(packed.getvalue())

    monkeypatch.setitem(sys.modules, "gdown", SimpleNamespace(download=download))
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    entry = registry.ENTRIES["vid2vid-cityscapes"]
    small = replace(entry, hparams=entry.hparams | {"labels": 4, "edges": True, "foreground": [1]})
    monkeypatch.setitem(registry.ENTRIES, entry.name, small)
    loaded = i2i_zoo.load(entry.name)
    assert asked == ["1MKtImgtnGC28EPU7Nh9DfFpHW6okNVkl"]
    assert "CC BY-NC-SA 4.0" in capsys.readouterr().err
    assert loaded.hparams.scales == 3
    assert loaded.preprocess.to_json() == {"size": [1024, 2048], "source_palette": "cityscapes"}
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    other = "vid2vid-cityscapes-1024x512"
    with pytest.raises(ZooError, match=r"get label2city_1024_g1/latest_net_G0\.pth, .*G1.* out of .*generator_2=la"):
        i2i_zoo.load(other)
