from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tiny
from i2i_zoo.callbacks.samples import Samples, grid
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.methods.cyclegan import CycleGAN


class PictureLogger(CSVLogger):
    """A logger that takes pictures as W&B's does."""

    def log_image(self, key, images, step=None):
        self.logged = [*getattr(self, "logged", []), (key, images[0].size, step)]


def test_one_row_for_each_sample_in_files_and_loggers(tmp_path: Path) -> None:
    board, other = TensorBoardLogger(tmp_path, "board", ""), PictureLogger(tmp_path, "csv", "")
    run = tiny.trainer(tmp_path, Samples(count=2), max_epochs=2, logger=[board, other])
    run.fit(tiny.model(), tiny.data(batch_size=2))

    files = sorted((tmp_path / "board" / "samples").iterdir())
    assert [file.name for file in files] == ["epoch_0000.png", "epoch_0001.png"]
    first, second = (np.asarray(Image.open(file)) for file in files)
    assert first.shape == (2 * 64, 3 * 64, 3)
    for columns, equal in {(0, 64): True, (64, 128): False, (128, 192): True}.items():  # source, output, target
        assert np.array_equal(first[:, slice(*columns)], second[:, slice(*columns)]) == equal
    item = {key: torch.as_tensor(value) for key, value in tiny_item().items()}
    assert np.array_equal(first[:64, 128:], ((item["target"] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())

    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [image.step for image in events.Images("samples")] == [2, 4]
    assert other.logged == [("samples", (192, 128), 2), ("samples", (192, 128), 4)]


def tiny_item() -> dict[str, torch.Tensor]:
    data = tiny.data()
    data.setup("validate")
    item = data.datasets["val"][0, 0]
    return {"source": item["source"], "target": item["target"]}


def test_every_other_epoch_and_none_at_all(tmp_path: Path) -> None:
    run = tiny.trainer(tmp_path, Samples(count=1, every_n_epochs=2), Samples(count=0), max_epochs=3)
    run.fit(tiny.model(), tiny.data())
    assert [file.name for file in (tmp_path / "samples").iterdir()] == ["epoch_0001.png"]


def test_rows_of_different_sizes() -> None:
    rows = [[torch.zeros(1, 4, 6, dtype=torch.uint8)] * 2, [torch.zeros(3, 2, 5, dtype=torch.uint8)] * 2]
    picture = np.asarray(grid(rows))
    assert picture.shape == (6, 12, 3)
    assert (picture[4:, 10:] == 255).all()
    assert picture[:, :10].max() == 0


def test_panels_of_different_sizes_in_a_row() -> None:
    row = [torch.zeros(3, 4, 6, dtype=torch.uint8), torch.zeros(3, 2, 5, dtype=torch.uint8)]
    picture = np.asarray(grid([row]))
    assert picture.shape == (4, 11, 3)
    assert picture[:, :6].max() == picture[:2].max() == 0
    assert (picture[2:, 6:] == 255).all()


def test_unpaired_pictures_of_different_sizes(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for domain, size in (("A", (64, 48)), ("B", (48, 64))):
            (tmp_path / f"{split}{domain}").mkdir()
            Image.new("RGB", size, "red").save(tmp_path / f"{split}{domain}" / "0.png")
    data = UnpairedData(str(tmp_path), load_size=32, crop_size=32, test_size=None, num_workers=0)
    tiny.trainer(tmp_path, Samples()).fit(CycleGAN(generator="resnet_6", width=2, discriminator_width=2), data)
    assert (tmp_path / "samples/epoch_0000.png").exists()
