"""Checkpoints of Monkey-Net's authors, made from the weights of a case of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import i2i_zoo
from i2i_zoo import convert
from i2i_zoo.convert.monkeynet import our_name
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.monkeynet import MonkeyNet
from methods.test_monkeynet import ENTRIES, golden


def saved(tmp_path: Path, **changes: Any) -> Path:
    """A file as the authors' training writes it, which counts no batches of norms."""
    stored = golden("forward")
    networks = {
        theirs: {key: tensor for key, tensor in stored.state(theirs).items() if "num_batches" not in key}
        for theirs in ENTRIES
    }
    torch.save(
        {**networks, "optimizer_generator": {"state": {}}, "epoch": 7, "it": 3200, **changes}, tmp_path / "a.tar"
    )
    return tmp_path / "a.tar"


def test_a_whole_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = convert("monkeynet", saved(tmp_path), scale=10.0, least_covariance=0.0)
    assert isinstance(model, MonkeyNet)
    said = capsys.readouterr().err
    assert "the tensors do not show detector_reduction=1" in said
    assert "scale" not in said
    shown = {"keypoints": 4, "width": 16, "max_width": 128, "groups": 0, "scale": 10.0, "discriminator_blocks": 4}
    assert {name: model.hparams[name] for name in shown} == shown
    i2i_zoo.save(model, tmp_path / "saved")
    again = i2i_zoo.load(tmp_path / "saved", discriminators=True)
    assert sum(p.numel() for p in again.parameters()) == 2_111_899 + 1_027_072 + 1_713_345
    stored = golden("forward")
    frames = [stored.input(name)[:, :, 0] * 2 - 1 for name in ("source", "video")]
    with torch.no_grad():
        pictures = (again(*frames) + 1) / 2
    expected = torch.from_numpy(stored["video_prediction"])[:, :, 0]
    torch.testing.assert_close(pictures[..., ::2, ::2], expected, rtol=0, atol=1e-4)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"do not fit the model: missing keypoint_detector\."):
        convert("monkeynet", saved(tmp_path, kp_detector=None))
    state = golden("forward").state("generator")
    del state["dense_motion_module.hourglass.decoder.conv.weight"]
    with pytest.raises(ZooError, match=r"not in the authors' layout: it lacks dense_motion_module\.hourglass"):
        convert("monkeynet", saved(tmp_path, generator=state))
    state = golden("forward").state("discriminator")
    state["down_blocks.0.conv.weight"] = state["down_blocks.0.conv.weight"][:, :6]
    with pytest.raises(ZooError, match="discriminator has keypoints=3 and another network 4"):
        convert("monkeynet", saved(tmp_path, discriminator=state))


def test_names_of_all_parts() -> None:
    """The case has no blocks in which each key point is by itself; the authors' other configurations do."""
    for theirs, ours in (
        ("dense_motion_module.group_blocks.1.conv.weight", "motion.groups.1.conv.weight"),
        (
            "dense_motion_module.hourglass.encoder.down_blocks.0.norm.bias",
            "motion.hourglass.encoder.blocks.0.norm.bias",
        ),
        ("refinement_module.conv-last.bias", "last.bias"),
    ):
        assert our_name("generator", theirs) == ours
