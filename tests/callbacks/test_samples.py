from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image, ImageSequence
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tiny
from i2i_zoo.callbacks.samples import Samples, grid, moving_grid
from i2i_zoo.data.rendered.shapes import ShapesData
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.mocogan import MoCoGAN


class PictureLogger(CSVLogger):
    """A logger that takes pictures and files of clips as W&B's does."""

    def log_image(self, key, images, step=None):
        self.logged = [*getattr(self, "logged", []), (key, images[0].size, step)]

    def log_video(self, key, videos, step=None):
        assert Path(videos[0]).read_bytes().startswith(b"GIF89a")
        self.logged = [*getattr(self, "logged", []), (key, Path(videos[0]).name, step)]


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


def frames(clip: Path | BytesIO) -> np.ndarray:
    with Image.open(clip) as opened:
        return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(opened)])


def test_clips_move_beside_their_sheet_and_in_loggers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MoCoGAN(size=32, width=2, discriminator_width=2, content=4, categories=2, motion=3, image_batch=4)
    data = ShapesData(train=4, val=5, size=32, batch_size=2, num_workers=0)
    board, other = TensorBoardLogger(tmp_path, "board", ""), PictureLogger(tmp_path, "csv", "")
    tiny.trainer(tmp_path, Samples(count=3), max_epochs=2, logger=[board, other]).fit(model, data)

    folder = tmp_path / "board" / "samples"
    assert {file.name for file in folder.iterdir()} == {f"epoch_000{n}.{s}" for n in (0, 1) for s in ("png", "gif")}
    sheet = np.asarray(Image.open(folder / "epoch_0001.png"))
    assert sheet.shape == (3 * 32, 2 * 8 * 32, 3)  # 8 of 16 frames of made clips, then of real ones
    first, second = frames(folder / "epoch_0000.gif"), frames(folder / "epoch_0001.gif")
    assert first.shape == second.shape == (16, 3 * 32, 2 * 32, 3)
    # Made and real clips are those of the sheet, but for a GIF's 256 colours.
    for columns, place in ((slice(0, 32), 0), (slice(32, 64), 8 * 32)):
        difference = second[0, :, columns].astype(int) - sheet[:, place : place + 32]
        assert np.abs(difference).mean() < 3
    made, real = (np.abs(first[..., part, :].astype(int) - second[..., part, :]) for part in (slice(32), slice(32, 64)))
    assert real.mean() < 3  # the same clips
    assert 0 < made.mean() < 20  # from the same noise, after two more steps

    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [image.step for image in events.Images("clips")] == [2, 4]
    shown = frames(BytesIO(events.Images("clips")[1].encoded_image_string))
    np.testing.assert_array_equal(shown, second)
    assert other.logged[1::2] == [("clips", "epoch_0000.gif", 2), ("clips", "epoch_0001.gif", 4)]


def test_a_shorter_clip_stays_at_its_last_frame() -> None:
    short, long = torch.arange(2, dtype=torch.uint8), torch.arange(10, 13, dtype=torch.uint8)
    rows = [[clip.view(-1, 1, 1, 1) for clip in (short, long)]]
    assert [np.asarray(frame)[0, :, 0].tolist() for frame in moving_grid(rows)] == [[0, 10], [1, 11], [1, 12]]
