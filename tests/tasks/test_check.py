"""Data that do not fit a model are refused before the first batch, in one sentence that names what to change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import tiny
from i2i_zoo.data import datamodules
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.semantic import SemanticData
from i2i_zoo.data.splits import collate
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.edn import EDN
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.methods.unit import UNIT
from i2i_zoo.methods.vid2vid import Vid2Vid
from i2i_zoo.registry import METHODS, method_class
from i2i_zoo.tasks.check import check_batch, check_data
from methods.every import by_method


def batch(**changes: Tensor) -> dict[str, Tensor]:
    return {"source": torch.zeros(1, 3, 64, 64), "target": torch.zeros(1, 3, 64, 64), **changes}


@pytest.mark.parametrize("method", METHODS)
def test_the_datamodule_that_a_task_names_has_its_keys(method: str) -> None:
    cls = method_class(method)
    assert set(cls.batch_keys) <= set(datamodules()[cls.data_class].batch_keys)


def test_data_of_another_task() -> None:
    model = CycleGAN(width=4)
    with pytest.raises(
        ZooError,
        match=r"^CycleGAN works on batches of a and b, and PairedData gives source and target: use --data Unpaired",
    ):
        check_data(model, PairedData("data"))


def test_more_labels_than_the_model_has() -> None:
    with pytest.raises(ZooError, match=r"SPADE has labels=5, and SemanticData has labels=9: use --model\.labels 9"):
        check_data(SPADE(5, width=4), SemanticData("data", labels=9))
    label = torch.full((1, 64, 64), 8)
    with pytest.raises(ZooError, match=r"labels=5, ids 0 to 4, and the label maps have 8 to 8: use --model\.labels 9"):
        check_batch(SPADE(5, width=4), {"label": label, "target": torch.zeros(1, 3, 64, 64)}, ("label", "target"))


@pytest.mark.parametrize(
    ("flow", "found"),
    [
        (torch.zeros(1, 4, 2, 32, 32).double(), "float64 (1, 4, 2, 32, 32)"),
        (torch.zeros(1, 4, 2, 16, 16), "float32 (1, 4, 2, 16, 16)"),
        (torch.zeros(1, 4, 2, 32, 32).numpy(), "ndarray"),
    ],
)
def test_flow_that_does_not_fit_its_clip(flow: Any, found: str) -> None:
    model = Vid2Vid(labels=3, width=2, blocks=1, foreground=[])
    clip = {"label": torch.zeros(1, 4, 32, 32).long(), "video": torch.zeros(1, 4, 3, 32, 32)}
    sentence = (
        f"Vid2Vid takes flow as a tensor of float32 (1, 4, 2, 32, 32), in pixels for each frame of video, not {found}"
    )
    with pytest.raises(ZooError, match="^" + re.escape(sentence)):
        check_batch(model, clip | {"flow": flow}, ("label", "video"))


def test_clips_and_poses_of_two_lengths() -> None:
    found = {"video": torch.zeros(1, 4, 3, 64, 32), "pose": torch.zeros(1, 2, 18, 3)}
    with pytest.raises(ZooError, match=r"^EDN takes clips of one length, not video of 4 frames and pose of 2: correct"):
        check_batch(EDN(width=2), found, ("video", "pose"))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([torch.zeros(1), torch.zeros(1)], "dicts with source and target, and the loader gives a list of 2"),
        (
            {"A": torch.zeros(1), "B": torch.zeros(1)},
            "the loader gives A and B: let each item of the dataset have source",
        ),
        (
            batch(source=torch.zeros(1, 1, 64, 64)),
            "the data have source of 1 and target of 3: use --model.in_channels 1",
        ),
        (batch(source=torch.zeros(3, 64, 64)), "source of shape (B, 3, H, W), not (3, 64, 64)"),
        (batch(source=torch.full((1, 3, 64, 64), 255.0)), "source in [-1, 1], and the data have 255 to 255"),
        (batch(target=torch.full((1, 3, 64, 64), torch.nan)), "target in [-1, 1], and the data have nan to nan"),
        (batch(source=torch.zeros(1, 3, 64, 64, dtype=torch.uint8)), "source as floats in [-1, 1], not uint8"),
        (batch(target=torch.zeros(1, 3, 64, 32)), "not source of 64x64 and target of 32x64"),
        (batch(source=torch.zeros(0, 3, 64, 64)), "source of the batch is empty"),
    ],
)
def test_a_batch_that_does_not_fit(found: Any, sentence: str) -> None:
    with pytest.raises(ZooError, match=re.escape(sentence)):
        check_batch(tiny.model(), found, ("source", "target"))


@pytest.mark.parametrize(
    ("side", "field", "sentence"),
    [
        (96, 34, "multiples of 64 and at least 64, not 96x96: use --data.crop_size 64"),
        (
            64,
            286,
            "needs pictures of at least 96x96, not 64x64: use a larger --data.crop_size or a smaller --model.rec",
        ),
    ],
)
def test_sizes_are_checked_before_the_first_training_batch(
    side: int, field: int, sentence: str, tmp_path: Path
) -> None:
    model = tiny.model(receptive_field=field)
    with pytest.raises(ZooError, match=re.escape(sentence)):
        tiny.trainer(tmp_path).fit(model, tiny.data(size=side))


@pytest.mark.parametrize("version", [2017, 2018])
def test_unit_says_how_small_pictures_may_be(version: int, tmp_path: Path) -> None:
    model = UNIT(version=version, width=2, blocks=1, discriminator_width=2)
    loader = DataLoader(range(1), collate_fn=lambda _: model.example_batch(1, 16, 16))
    trainer = tiny.trainer(tmp_path, max_steps=1)
    if version == 2018:
        with pytest.raises(ZooError, match="discriminator of UNIT needs pictures of at least 64x64, not 16x16: use"):
            trainer.fit(model, loader)
    else:
        trainer.fit(model, loader)


@pytest.mark.parametrize("batch", [1, 2])
def test_batch_statistics_need_more_than_one_pixel(batch: int, tmp_path: Path) -> None:
    model = SPADE(labels=3, width=2, hidden=2, discriminator_width=2, lambda_perceptual=0.0)
    loader = DataLoader(range(1), collate_fn=lambda _: model.example_batch(batch, 64, 64))
    trainer = tiny.trainer(tmp_path, max_steps=1)
    if batch == 1:
        with pytest.raises(ZooError, match="batch of 1 at 64x64 has only one pixel in its smallest map: use a larger"):
            trainer.fit(model, loader)
    else:
        trainer.fit(model, loader)


def test_a_loader_of_tuples_is_refused_in_every_stage(tmp_path: Path) -> None:
    pairs = DataLoader([(torch.zeros(3, 64, 64), torch.zeros(3, 64, 64))])
    trainer = tiny.trainer(tmp_path)
    for stage in (trainer.fit, trainer.validate, trainer.test, trainer.predict):
        with pytest.raises(ZooError, match="the loader gives a list of 2"):
            stage(tiny.model(), pairs)


def test_prediction_needs_the_source_only() -> None:
    check_batch(tiny.model(), {"source": torch.zeros(1, 3, 64, 64)}, tiny.model().predict_keys)


def test_the_check_draws_no_numbers_of_the_run() -> None:
    model = tiny.model()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    check_batch(model, batch(), model.batch_keys)
    assert torch.equal(torch.rand(3), expected)


def test_pictures_of_two_sizes_make_no_batch() -> None:
    with pytest.raises(ZooError, match=r"source of one size, not of 64x64 and 96x96 pixels: set --data\.crop_size"):
        collate([{"source": torch.zeros(3, side, side)} for side in (64, 96)])


def test_a_method_inside_another_module_says_so() -> None:
    model = tiny.model()
    with pytest.raises(
        ZooError, match="Pix2Pix has no discriminator yet, which a Trainer builds: give the model to Trai"
    ):
        model.configure_optimizers()
    model.configure_model()
    with pytest.raises(ZooError, match="Pix2Pix trains as the model of a Trainer, not by itself or inside another"):
        model.training_step(batch(), 0)


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_a_trainer_without_data_is_refused(verb: str, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="Pix2Pix needs data: give the Trainer a datamodule or dataloaders too"):
        getattr(tiny.trainer(tmp_path), verb)(tiny.model())


@pytest.mark.parametrize(
    ("method", "key", "words"),
    [
        (
            "spade",
            "label",
            r"SPADE has labels=\d+, ids 0 to \d+, and the label maps have 99 to 99: use --model\.labels",
        ),
        ("vid2vid", "label", r"Vid2Vid has labels=\d+, ids 0 to \d+, and the label maps have 99 to 99"),
        (
            "mocogan",
            "action",
            r"MoCoGAN has categories=3, and the clips have actions 99 to 99: use --model\.categories",
        ),
        ("dvdgan", "action", r"DVDGAN has classes=3, and the clips have actions 99 to 99: use --model\.classes 100"),
    ],
)
def test_an_id_that_is_wrong_in_a_later_batch_is_refused(method: str, key: str, words: str, tmp_path: Path) -> None:
    tester = by_method()[method]()
    first = tester.batch(tester.size)
    batches = [first, first | {key: torch.full_like(first[key], 99)}]
    with pytest.raises(ZooError, match=words):
        tiny.trainer(tmp_path).fit(tester.build().train(), DataLoader([0, 1], collate_fn=lambda i: batches[i[0]]))
