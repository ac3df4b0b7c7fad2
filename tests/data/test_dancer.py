"""Videos of one person with their poses, and the rendered dancer."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from i2i_zoo.data.dancer import DancerData
from i2i_zoo.data.rendered.dancer import RenderedDancer
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import open_clip, save_clip
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.media.pose_files import Poses, write_poses


def film(path: Path, count: int = 12) -> RenderedDancer:
    """Write a clip of the rendered dancer at 64x48 with its poses beside it."""
    rendered = RenderedDancer(train=count - 1, size=(48, 64), background="plain")
    dance = rendered.dance("train")
    frames = [to_pil(dance.frame(number).float() / 127.5 - 1) for number in range(count)]
    save_clip(frames, path, Fraction(12))
    write_poses(path.with_suffix(".json"), Poses(dance.poses(range(count)), ("",) * count, ((48, 64),) * count))
    return rendered


def test_the_rendered_dancer_is_where_the_poses_are() -> None:
    data = RenderedDancer(train=3, val=1, size=(64, 32), shown=3, background="plain")
    data.setup("fit")
    item = data.datasets["train"][(0, 1)]
    assert item["video"].shape == (2, 3, 64, 32)
    assert item["pose"].shape == (2, 18, 3)
    again = data.datasets["train"][(0, 2)]
    assert torch.equal(item["video"][1], again["video"][0])
    assert torch.equal(item["pose"][1], again["pose"][0])
    plain = item["video"][0, :, 0, 0]
    for x, y, seen in item["pose"][0, [1, 8, 9, 11, 12]].round().int().tolist():  # neck, hips and knees
        assert seen
        assert (item["video"][0, :, y, x] - plain).abs().max() > 0.02
    other = data.datasets["val"][(0, 0)]
    assert other["video"].shape == (3, 3, 64, 32)
    assert not torch.equal(other["pose"][0], item["pose"][0])
    record = data.preprocess
    assert record.size == (64, 32)
    assert 0 < record.far <= record.close < 64
    assert record == type(record).from_json(record.to_json(), "test")


def test_a_video_of_one_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    rendered = film(tmp_path / "films" / "me.webp")
    data = DancerData(str(tmp_path / "films" / "me.webp"), size=(48, 32), shown=2, val_fraction=0.25)
    data.setup("fit")
    train, val = data.datasets["train"], data.datasets["val"]
    assert (len(train), len(val)) == (8, 1)  # the pairs of 9 frames, and a clip of the last 3
    item, whole = train[(0, 2)], rendered.dance("train")
    seen = item["pose"][0, :, 2] > 0
    assert seen.sum() > 12
    moved = item["pose"][0] - whole.poses(range(3))[2]
    torch.testing.assert_close(moved[seen], torch.tensor([-16.0, 0, 0]).expand(int(seen.sum()), -1), rtol=0, atol=0.01)
    expected = whole.frame(2)[:, :, 16:48].float() / 127.5 - 1
    assert (item["video"][0] - expected).abs().max() < 0.02
    assert data.preprocess.size == (48, 32)
    again = DancerData(str(tmp_path / "films"), size=(48, 32), shown=2, stride=2)  # a folder; and every second frame
    again.setup("fit")
    assert torch.equal(again.datasets["train"][(0, 1)]["pose"][0], item["pose"][0])


def test_poses_that_do_not_fit_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    poses = film(tmp_path / "me.webp", 3).dance("train").poses(range(2))
    write_poses(tmp_path / "me.json", Poses(poses, ("",) * 2, (None,) * 2))
    with pytest.raises(ZooError, match=r"me\.json: it holds 2 poses, and .*me\.webp has 3 frames"):
        DancerData(str(tmp_path / "me.webp")).setup("fit")
    poses = film(tmp_path / "me.webp", 3).dance("train").poses(range(3))
    write_poses(tmp_path / "me.json", Poses(poses * torch.tensor([10, 10, 1]), ("",) * 3, (None,) * 3))
    with pytest.raises(
        ZooError, match=r"me\.json: its points go to x .*, and .*me\.webp has 64x48 pixels; add the size"
    ):
        DancerData(str(tmp_path / "me.webp")).setup("fit")
    (tmp_path / "me.json").unlink()
    monkeypatch.setenv("I2I_ZOO_POSE", "nowhere.pth")
    with pytest.raises(ZooError, match=r"me\.webp: its poses are not beside it \(me\.json\) and cannot be found"):
        DancerData(str(tmp_path / "me.webp")).setup("fit")


def test_a_changed_frame_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one in the middle of a folder: the frames in the cache are those of the folder's whole content."""
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    film(tmp_path / "me.webp", 5)
    frames = list(open_clip(tmp_path / "me.webp"))
    (tmp_path / "films").mkdir()
    (tmp_path / "me.json").rename(tmp_path / "films" / "me.json")
    save_clip(frames, tmp_path / "films" / "me")

    def shown() -> torch.Tensor:
        data = DancerData(str(tmp_path / "films"), size=(48, 64), frames=5, val_fraction=0)
        data.setup("fit")
        return data.datasets["train"][(0, 0)]["video"]

    first = shown()
    frames[0].save(tmp_path / "films" / "me" / "000002.png")
    changed = (shown() != first).flatten(1).any(1)
    assert changed.tolist() == [False, False, True, False, False]


def test_a_short_clip_is_trained_on_whole_and_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    film(tmp_path / "me.webp", 8)
    data = DancerData(str(tmp_path / "me.webp"), size=(48, 32), val_fraction=0.25)
    data.setup("fit")
    assert (len(data.datasets["train"]), len(data.datasets["val"])) == (7, 0)
    assert "No validation: in what --data.val_fraction 0.25 holds out of " in capsys.readouterr().err
    for stage, word in (("validate", "No validation"), ("test", "No test"), ("predict", "No test")):
        with pytest.raises(ZooError, match=f"^{word}: .* no 16 consecutive frames show a person: give a longer video"):
            data.setup(stage)
