"""MoCoGAN against its authors' numbers, and what is chosen apart: content, motion and category."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import i2i_zoo
import tiny
from golden.fill import Golden
from i2i_zoo.cli.main import main
from i2i_zoo.convert.mocogan import read
from i2i_zoo.data.rendered.shapes import ShapesData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.networks.dcgan import DCGANDiscriminator
from i2i_zoo.networks.mocogan import ClipGenerator, Codes, VideoDiscriminator
from methods.authors import Places, Steps, authors_model, check_steps
from methods.base import NoiseTester, fit

NARROW: dict[str, Any] = {"width": 2, "discriminator_width": 2, "content": 4, "motion": 3}
TINY = NARROW | {"size": 32, "frames": 13, "categories": 3, "image_batch": 4}

#: The authors' networks, by our names.
NETWORKS = {"G": "generator", "D_image": "image_discriminator", "D_video": "video_discriminator"}


class TestMoCoGAN(NoiseTester):
    method = MoCoGAN
    narrow = NARROW
    tiny = TINY


class TestCategoryInTheMotion(NoiseTester):
    method = MoCoGAN
    tiny: ClassVar = TINY | {"category_input": "motion", "labelled": False, "noise": 0.1, "image_patches": False}


class TestWithoutCategories(NoiseTester):
    method = MoCoGAN
    tiny: ClassVar = TINY | {"categories": 0, "channels": 1, "video_patches": True}


class TestConditional(NoiseTester):
    """Clips that begin with a frame; the design is ours, so there are no numbers of the authors."""

    method = MoCoGAN
    tiny: ClassVar = TINY | {"conditional": True}

    def test_the_same_seed_gives_the_same_whatever_the_batch(self, model: Any) -> None:
        frame = torch.rand(3, 32, 32) * 2 - 1
        sampler = model.eval().sampler(frame=frame)
        together = torch.cat([sampler.make(range(2), 7), sampler.make([2], 7)])
        torch.testing.assert_close(together, torch.cat([sampler.make([i], 7) for i in range(3)]), rtol=0, atol=1e-5)
        assert not torch.equal(together, sampler.make(range(3), 8))

    def test_clips_begin_alike_and_go_on_apart(self, model: Any) -> None:
        one, other = (torch.rand(3, 32, 32) * 2 - 1 for _ in range(2))
        clips = model.eval().sampler(frame=one, category=1).make(range(3), 0)
        torch.testing.assert_close(clips[:, 0], clips[:1, 0].expand(3, -1, -1, -1), rtol=0, atol=1e-5)
        assert len({clip.numpy().tobytes() for clip in clips[:, 1]}) == 3
        assert not torch.equal(model.sampler(frame=other, category=1).make(range(3), 0)[:, 0], clips[:, 0])
        longer = model.sampler(frame=one, category=1, frames=20).make(range(3), 0)
        torch.testing.assert_close(longer[:, :13], clips, rtol=0, atol=1e-5)

    def test_it_trains_to_begin_with_the_frame(self) -> None:
        torch.manual_seed(0)
        model: Any = MoCoGAN(**self.tiny, lr=0.01)
        batch = self.batch(self.size)
        batch["video"] = torch.tensor([0.8, -0.8]).view(2, 1, 1, 1, 1).expand_as(batch["video"])
        losses = [step["train/generator/first"] for step in fit(model, batch, steps=30).losses]
        assert losses[-1] < 0.7 * losses[0]
        with torch.inference_mode():
            outputs = model.eval().validation_step(batch, 0)
            beginnings = model.beginnings(batch["video"][:, 0])
        sampled = model.sampler(frame=batch["video"][1, 0]).make([1], 0)
        torch.testing.assert_close(outputs["output"][1:], sampled, rtol=0, atol=1e-5)
        assert beginnings.shape == (2, 4 + 3)
        assert beginnings[:, 4:].abs().max() <= 1

    def test_each_clip_has_its_beginning(self, model: Any) -> None:
        begun = model.begun(model.draw_codes(2), torch.arange(14.0).view(2, 7))
        assert begun.content[:, 0].tolist() == [0, 7]
        assert begun.start[:, 0].tolist() == [4, 11]
        size = model.hparams.size  # there are many more clips than beginnings
        assert model.fake_frames(5, torch.arange(14.0).view(2, 7)).shape == (5, 3, size, size)

    def test_from_the_command_line(self, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        i2i_zoo.save(model.eval(), "mocogan")
        to_pil(torch.rand(3, 40, 48) * 2 - 1).save("frame.png")
        assert main(["sample", "mocogan", "-n", "2", "--frame", "frame.png", "--category", "2", "-o", "out"]) == 0
        expected = model.sample(2, seed=0, frame="frame.png", category=2)
        with Image.open("out/0-0001.webp") as found:
            np.testing.assert_array_equal(np.asarray(found.convert("RGB")), np.asarray(expected[1][0]))
        with pytest.raises(ZooError, match=r"This MoCoGAN needs frame \(--frame\): the first frame"):
            model.sample(1)
        with pytest.raises(ZooError, match="takes no content_seed"):
            model.sample(1, frame="frame.png", content_seed=1)
        with pytest.raises(ZooError, match="takes no frame"):
            TestMoCoGAN().build().sample(1, frame="frame.png")


def golden(case: str) -> Golden:
    return Golden(f"mocogan_{case}", str(Path(__file__).parents[1] / "golden" / "mocogan"))


class Draws:
    """The codes that a case says were drawn, in their order."""

    def __init__(self, stored: Golden) -> None:
        self.stored, self.calls, self.frames_drawn = stored, 0, 0

    def codes(self, frames: int) -> Codes:
        call, first = self.calls, self.frames_drawn
        self.calls, self.frames_drawn = call + 1, first + frames
        motion = [self.stored.input(f"eps{number}") for number in range(first, first + frames)]
        return Codes(
            self.stored.input(f"content{call}"),
            self.stored.input(f"category{call}")[:, 0],
            self.stored.input(f"h0_{call}"),
            torch.stack(motion, 1),
        )


def test_clips_are_the_authors() -> None:
    stored = golden("sample")
    model = authors_model(MoCoGAN, read, {"generator": stored.state("G")}).eval()
    draws = Draws(stored)
    codes, longer = draws.codes(16), draws.codes(24)
    with torch.no_grad():
        assert stored.check("z", model.generator.latents(codes).flatten(0, 1))[0]
        video = model(*codes).transpose(1, 2)
        assert stored.check("video", video[:, :, [0, 7, 15]])[0]
        assert stored.check_tensors("frames", list(video.unbind(2)))[0]
        trained = model.train()(*codes).transpose(1, 2)
        assert stored.check("video_train", trained[:, :, [0, 15], ::2, ::2])[0]
        video = model.eval()(*longer).transpose(1, 2)  # with the running statistics of the pass before
        assert stored.check("video24", video[:, :, [0, 23], ::2, ::2])[0]


class Replayed(MoCoGAN):
    """MoCoGAN with the authors' draws in place of its own."""

    def replay(self, stored: Golden) -> None:
        self.stored, self.draws = stored, Draws(stored)

    def draw_codes(self, count: int) -> Codes:
        return self.draws.codes(self.hparams.frames)

    def some_frames(self, video: Tensor, count: int) -> Tensor:
        return self.stored.input("images")

    def chosen(self, total: int, count: int) -> Tensor:
        return torch.tensor(self.stored.info["options"]["chosen_frames"][0]).sort().values


def test_two_steps_are_the_authors() -> None:
    stored = golden("train")
    states = {network: stored.state(letter) for letter, network in NETWORKS.items()}
    model = Replayed()
    model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in read(states)[1].items()})
    model.replay(stored)
    batch = {"video": stored.input("videos").transpose(1, 2), "action": stored.input("categories")[:, 0]}
    generator = ("generator/image", "generator/video", "generator/category")
    discriminators = [f"{name}_discriminator/{loss}" for name in ("image", "video") for loss in ("real", "fake")]
    steps = Steps((*generator, *discriminators, "video_discriminator/category"))
    fit(model, batch, steps=2, callbacks=[steps])
    steps.losses = [[sum(row[:3]), sum(row[3:5]), sum(row[5:])] for row in steps.losses]
    check_steps(stored, Places(read, states), steps, NETWORKS, mixed=("D_image", "D_video"))


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: ClipGenerator(categories=6), 3_298_836),
        (lambda: ClipGenerator(categories=4), 3_282_452),
        (lambda: ClipGenerator(categories=2), 3_266_068),
        (lambda: ClipGenerator(categories=0), 3_249_684),
        (lambda: DCGANDiscriminator(patches=True), 663_296),
        (lambda: DCGANDiscriminator(), 2_765_568),
        (lambda: VideoDiscriminator(categories=0, patches=True), 2_650_880),
        (lambda: VideoDiscriminator(categories=0), 11_056_896),
        (lambda: VideoDiscriminator(categories=6), 11_253_504),
        (lambda: VideoDiscriminator(categories=4), 11_187_968),
        (lambda: VideoDiscriminator(categories=2), 11_122_432),
    ],
)
def test_parameters_are_those_of_the_authors(build: Any, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in build().parameters()) == parameters


@pytest.mark.parametrize("category_input", ["frames", "motion"])
def test_one_network_gets_the_category(category_input: Any) -> None:
    torch.manual_seed(0)
    generator = ClipGenerator(3, 4, 3, 2, 2, 32, category_input)
    codes = Codes(torch.randn(1, 4), torch.tensor([1]), torch.randn(1, 2), torch.randn(1, 5, 2))
    one, other = (generator.latents(codes._replace(category=torch.tensor([number]))) for number in (1, 2))
    assert one.shape[2] == (4 + 3 + 2 if category_input == "frames" else 4 + 2)
    torch.testing.assert_close(one[..., :4], codes.content[:, None].expand(-1, 5, -1))
    assert torch.equal(one[..., -2:], other[..., -2:]) == (category_input == "frames")
    assert not torch.equal(one, other)


def frames(clip: Any) -> np.ndarray:
    return np.stack([np.asarray(frame) for frame in clip])


def test_same_content_other_motion_and_the_reverse() -> None:
    model = TestMoCoGAN().build().eval()
    sampler, plain = model.sampler(content_seed=5), model.sampler()
    length = model.hparams.content
    content, motion = sampler.noises(range(4), 7).split([length, plain.noises([0], 7).shape[1] - length], 1)
    assert len(content.unique(dim=0)) == 1
    assert len(motion.unique(dim=0)) == 4
    torch.testing.assert_close(content[:1], plain.noises([0], 5)[:, :length])
    torch.testing.assert_close(motion, plain.noises(range(4), 7)[:, length:])
    content, motion = model.sampler(motion_seed=5).noises(range(4), 7).tensor_split([length], 1)
    assert len(content.unique(dim=0)) == 4
    assert len(motion.unique(dim=0)) == 1
    both = model.sample(1, seed=1, content_seed=5, motion_seed=5)
    np.testing.assert_array_equal(frames(both[0]), frames(model.sample(1, seed=5)[0]))


def test_a_longer_clip_begins_as_a_shorter_one() -> None:
    model = TestMoCoGAN().build().eval()
    shorter, longer = (model.sample(1, seed=5, frames=length)[0] for length in (6, 40))
    assert (len(shorter), len(longer)) == (6, 40)
    assert np.abs(frames(longer)[:6].astype(int) - frames(shorter)).max() <= 1
    assert len(model.sample(1, frames=1)[0]) == 1


def test_a_category_is_that_of_all_clips() -> None:
    model = TestMoCoGAN().build().eval()
    drawn = model.sampler().noises(range(60), 0)[:, model.hparams.content]
    assert drawn.unique().tolist() == [0, 1, 2]
    assert set(model.sampler(category=2).noises(range(9), 0)[:, model.hparams.content].tolist()) == {2}
    assert not np.array_equal(*(frames(model.sample(1, seed=0, category=number)[0]) for number in (0, 1)))
    with pytest.raises(ZooError, match="category=3: give a whole number from 0 to 2"):
        model.sample(1, category=3)
    with pytest.raises(ZooError, match="takes no category"):
        TestWithoutCategories().build().sample(1, category=0)


def test_the_categories_of_validation_are_those_of_its_clips() -> None:
    model = TestMoCoGAN().build().eval()
    with torch.inference_mode():
        outputs = model.validation_step(TestMoCoGAN().batch((32, 32), 4), 3)
        clips = [model.sampler(category=number).make(range(4), 3) for number in range(3)]
    for place, category in enumerate(outputs["output_action"].tolist()):
        torch.testing.assert_close(outputs["output"][place], clips[category][place], rtol=0, atol=1e-5)
    assert "output_action" not in TestWithoutCategories().build().validation_step(TestMoCoGAN().batch((32, 32)), 0)


def test_sampled_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    i2i_zoo.save(TestMoCoGAN().build().eval(), "mocogan")
    chosen = ["--content-seed", "3", "--category", "1", "--frames", "9"]
    assert main(["sample", "mocogan", "-n", "2", "--seed", "4", *chosen, "-o", "out"]) == 0
    assert {path.name for path in Path("out").iterdir()} == {"4-0000.webp", "4-0001.webp", "4-sheet.png"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"action": torch.tensor([0, 3])}, "categories=3, and the clips have actions 0 to 3: use --model.categories 4"),
        ({"action": None}, r"batches with action \(B,\), whole numbers: use data that have it, or labelled=False"),
        ({"action": torch.rand(2)}, r"batches with action \(B,\), whole numbers"),
    ],
)
def test_other_actions_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        fit(TestMoCoGAN().build(), TestMoCoGAN().batch((32, 32)) | changes)


def test_clips_without_actions_can_teach_categories() -> None:
    batch = {"video": TestMoCoGAN().batch((32, 32))["video"]}
    losses = fit(TestCategoryInTheMotion().build(), batch).losses[0]
    assert losses["train/video_discriminator/category"] > 0


def test_patches_know_no_categories() -> None:
    with pytest.raises(ZooError, match="categories=6: a video discriminator of patches knows none"):
        MoCoGAN(**NARROW, video_patches=True)
    with pytest.raises(ZooError, match="frames=12"):
        MoCoGAN(**NARROW, frames=12)


def test_different_frames_of_a_batch_are_judged() -> None:
    model = TestMoCoGAN().build()
    video = torch.arange(2 * 13).view(2, 13, 1, 1, 1).expand(-1, -1, 3, 4, 4).float()
    chosen = model.some_frames(video, 20)[:, 0, 0, 0]
    assert len(chosen) == len(chosen.unique()) == 20
    assert torch.equal(chosen, chosen.sort().values)
    assert len(model.some_frames(video, 99)) == 26


def test_data_of_more_actions_are_refused_before_the_first_batch(tmp_path: Path) -> None:
    data = ShapesData(train=4, val=1, size=32, frames=13, batch_size=1, num_workers=0)
    assert len(data.actions) > 1
    with pytest.raises(ZooError, match=r"categories=1, and ShapesData has \d actions: use --model\.categories \d"):
        tiny.trainer(tmp_path).fit(MoCoGAN(**NARROW | {"categories": 1}), data)
