"""vid2vid on faces: landmarks to clips, in Python and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.data.rendered.face_clips import FINER, Talk
from i2i_zoo.errors import ZooError
from i2i_zoo.media.faces import face_box, face_maps
from i2i_zoo.media.pictures import to_float, to_pil
from i2i_zoo.methods.vid2vid import Vid2VidFace
from i2i_zoo.tasks.in_order import ClipInMaking
from i2i_zoo.tasks.preprocess import FacePreprocess
from methods import test_vid2vid
from methods.test_vid2vid import NARROW, clip

TALK = Talk(person=1, speech=0, size=32, rate=4)


def landmarks(count: int, start: int = 0) -> Tensor:
    return torch.stack([TALK.points(number) for number in range(start, start + count)])


class TestFace(test_vid2vid.TestVid2Vid):
    """On faces: the same in training, and another task."""

    method: ClassVar = Vid2VidFace
    narrow: ClassVar = NARROW
    tiny: ClassVar = NARROW | {
        "downs": 1, "frames": 3, "chunk": 3, "temporal_scales": 1, "discriminator_scales": 2
    }  # fmt: skip
    size: ClassVar[tuple[int, int]] = (32, 32)
    rendered: ClassVar = "RenderedFace"

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        return {"data.size": 64, "data.frames": hparams["past"] + 1, "data.num_workers": 0}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        moving = clip(5, size, self.frames, batch_size)
        faces = [face_maps(points, TALK.box, size) for points in landmarks(self.frames)]
        face = torch.stack(faces).repeat(batch_size, 1, 1, 1, 1)
        return {**{key: moving[key] for key in ("video", "flow", "name")}, "face": face}

    def build(self) -> Any:
        model: Any = super().build()
        model.preprocess = FacePreprocess(self.size, False)
        return model

    def test_a_translator_translates_an_example(self, model: Any) -> None:
        super().test_a_translator_translates_an_example(model)
        batch = self.batch(self.size)
        frames = model.translate(batch["face"], first=list(batch["video"][0, :2]))
        torch.testing.assert_close(model.predict_step(batch, 0)[0], frames[0], rtol=0, atol=1e-5)
        assert model.translate(batch["face"][0, :, :, :25, :30], **self.required(model)).shape == (5, 3, 25, 30)

    def test_clips_do_not_mix(self, model: Any) -> None:
        model.eval()
        faces = self.batch(self.size)["face"]
        faces[1] = faces[1].flip(-1)
        translator = model.translator(**self.required(model))
        together, alone = translator.translate(faces), translator.translate(faces[1])
        torch.testing.assert_close(together[1], alone, rtol=0, atol=1e-5)
        assert not torch.equal(*together)

    def test_a_frame_depends_on_those_before(self, model: Any) -> None:
        model.eval()
        faces = self.batch(self.size)["face"][0]
        translator = model.translator(**self.required(model))
        whole = translator.translate(faces)
        changed = faces.clone()
        changed[2] = changed[2].flip(-1)
        after = translator.translate(changed)
        assert torch.equal(whole[:2], after[:2])
        assert not torch.equal(whole[4], after[4])


def test_networks_have_the_published_sizes() -> None:
    with torch.device("meta"):
        generators = [Vid2VidFace(**options).generator for options in ({}, {"width": 64})]
    counts = [sum(parameter.numel() for parameter in network.parameters()) for network in generators]
    assert counts == [364_996_230, 91_370_310]


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    model = Vid2VidFace(**TestFace.tiny | {"first_frame": "nothing"}).eval()
    model.preprocess = FacePreprocess((32, 32), False)
    return model


def write(folder: Path, faces: Tensor) -> None:
    folder.mkdir(parents=True)
    for number, points in enumerate(faces):
        np.savetxt(folder / f"{number:02}.txt", points.numpy(), fmt="%.6f", delimiter=",")


def made_by_hand(model: Any, faces: Tensor, pictures: list[Tensor] | None = None) -> list[np.ndarray]:
    making = ClipInMaking(model)
    box = face_box(faces[0], None if pictures is None else pictures[0].shape[-2:])
    with torch.inference_mode():
        maps = [
            face_maps(points, box, (32, 32), None if pictures is None else pictures[number])
            for number, points in enumerate(faces)
        ]
        return [np.asarray(to_pil(making.next(guide[None])[0].clamp(-1, 1))).astype(int) for guide in maps]


def assert_same(found: Any, expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for frame, wanted in zip(found, expected, strict=True):
        assert np.abs(np.asarray(frame).astype(int) - wanted).max() <= 1


def test_a_folder_of_landmarks(model: Any, tmp_path: Path) -> None:
    """The box is that of the first frame, also where the face moves on."""
    faces = landmarks(4)
    faces[2:] += 4
    expected = made_by_hand(model, faces)
    write(tmp_path / "ann", faces)
    assert_same(model.translate(tmp_path / "ann"), expected)
    assert_same(model.translate(str(tmp_path / "ann")), expected)
    assert_same(model.translate(sorted((tmp_path / "ann").iterdir())), expected)
    assert_same(model.translate(list(faces.numpy())), expected)
    first = Image.new("RGB", (40, 40), (200, 30, 90))
    frames = model.translate(tmp_path / "ann", first=first)
    assert [frame.size for frame in frames] == [(32, 32)] * 4
    assert np.abs(np.asarray(frames[0]).astype(int) - (200, 30, 90)).max() <= 1


def test_clips_on_the_command_line(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    i2i_zoo.save(model, "speaker")
    clips = {"ann": landmarks(4), "bob": landmarks(3, 9)}
    for name, faces in clips.items():
        write(Path("faces", name), faces)
    assert main(["translate", "speaker", "faces", "--batch", "3", "-o", "out"]) == 0
    for name, faces in clips.items():
        assert_same([Image.open(file) for file in sorted(Path("out", name).iterdir())], made_by_hand(model, faces))
    assert main(["translate", "speaker", "faces/ann/*.txt", "-o", "ann"]) == 0
    assert_same([Image.open(file) for file in sorted(Path("ann").iterdir())], made_by_hand(model, clips["ann"]))
    Path("faces/ann/01.txt").write_text("1,2\n")
    assert main(["translate", "speaker", "faces/ann", "-o", "broken"]) == 1
    assert "01.txt: a face has 68 points of x and y, in the order of dlib's, not 1 points" in capsys.readouterr().err
    assert "i2i-zoo translate . landmarks/ -o results" in Path("speaker/README.md").read_text()
    with pytest.raises(ZooError, match=r"out: the folder holds no \.txt or \.csv files; check the path"):
        model.translate("out")


def test_pictures_around_the_face(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that has seen edges of the background takes a picture beside each file of landmarks."""
    monkeypatch.chdir(tmp_path)
    model.preprocess = FacePreprocess((32, 32), True)
    faces = landmarks(3)
    large = Talk(1, 0, 2 * FINER * TALK.size, 4)  # the landmarks are in the middle of pictures of this size
    pictures = [to_float(large.frame(number)["video"]) for number in range(3)]
    write(Path("faces"), faces)
    Path("pictures").mkdir()
    for number, picture in enumerate(pictures):
        to_pil(picture).save(f"pictures/{number:02}.png")
    expected = made_by_hand(model, faces, pictures)
    assert any(np.abs(a - b).max() > 0 for a, b in zip(expected, made_by_hand(model, faces), strict=True))
    assert_same(model.translate("faces", picture="pictures"), expected)
    i2i_zoo.save(model, "speaker")
    assert main(["translate", "speaker", "faces", "--picture", "pictures", "-o", "out"]) == 0
    assert_same([Image.open(file) for file in sorted(Path("out").iterdir())], expected)
    assert "landmarks/ --picture pictures/ -o results" in Path("speaker/README.md").read_text()
    with pytest.raises(ZooError, match=r"needs picture \(--picture\)"):
        model.translate("faces")
    to_pil(pictures[1][:, :126]).save("pictures/01.png")
    with pytest.raises(ZooError, match=r"01\.txt: the pictures of a clip have one size"):
        model.translate("faces", picture="pictures")
    Path("pictures/02.png").unlink()
    assert main(["translate", "speaker", "faces", "--picture", "pictures", "-o", "other"]) == 1
    assert "--picture pictures: the folder has no file 02; add it" in capsys.readouterr().err
    assert main(["translate", "speaker", "faces", "-o", "other"]) == 1
    assert "This Vid2VidFace needs picture (--picture): the picture in which" in capsys.readouterr().err


def test_what_is_refused(model: Any) -> None:
    faces = list(landmarks(2).numpy())
    for wrong in (landmarks(2), torch.rand(2, 14, 32, 32), torch.rand(2, 15, 32, 32) * 2):
        with pytest.raises(ZooError, match=r"A tensor of a face holds its maps, \(15, H, W\) in \[0, 1\], and one of"):
            model.translate(wrong)
    with pytest.raises(ZooError, match="the pictures of a clip have one size"):
        model.translate([torch.rand(15, 32, 32), torch.rand(15, 16, 32)])
    for mixed in ([faces[0], torch.rand(15, 32, 32)], [torch.rand(15, 32, 32), faces[0]]):
        with pytest.raises(ZooError, match="A clip has landmarks of all faces or maps of all, and both were given"):
            model.translate(mixed)
    with pytest.raises(ZooError, match="a face has 68 points of x and y"):
        model.translate([faces[0][1:]])
    with pytest.raises(ZooError, match="landmarks of a face are read from"):
        model.translate("face.png")
    with pytest.raises(ZooError, match="takes no size: leave it out"):
        model.translate(faces, size=64)
    given = Vid2VidFace(**TestFace.tiny)
    with pytest.raises(ZooError, match=r"needs first \(--first\)"):
        given.translate(faces)
    with pytest.raises(ZooError, match="does not know the size of its pictures: train it with FaceClipData"):
        given.translate(faces, first=Image.new("RGB", (8, 8)))
