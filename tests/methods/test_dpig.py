"""DPIG against its authors' numbers, its two stages, and what it samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import i2i_zoo
import tiny
from callbacks.test_resume import Everywhere, equal
from i2i_zoo.callbacks.resume import ExactResume
from i2i_zoo.cli.main import main
from i2i_zoo.data.rendered.people_data import PeopleData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.named_poses import named_pose
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.media.pose_drawing import discs
from i2i_zoo.methods.dpig import DPIG
from i2i_zoo.methods.dpig_sampling import FACTORS
from methods.authors import Steps
from methods.base import PoseTester, fit
from methods.dpig_authors import golden, our_name, our_state, pose_rows, pose_state, theirs
from methods.posegan import poses

NARROW: dict[str, Any] = {"width": 2, "hidden": 8, "discriminator_width": 2, "region_code": 3, "background_code": 5}
#: One batch of each stage, with as many updates together as there are players.
TINY = NARROW | {"size": [64, 64], "blocks": 3, "region_side": 12, "critic_steps": 1, "stage1_steps": 1}


class DPIGTester(PoseTester):
    method = DPIG

    @classmethod
    def recipe_options(cls, hparams: Any, folder: Path) -> dict[str, Any]:
        return {"data.size": list(hparams["size"]), "data.root": "null"}

    def test_gradients_reach_the_player_and_no_other(self, model: Any) -> None:
        recorder = fit(model, self.batch(self.size), steps=2)
        owned = {
            player: {f"{name}.{key}" for name in networks for key, _ in getattr(model, name).named_parameters()}
            for player, networks in model.players.items()
        }
        assert list(owned) == ["appearance", "discriminator", "pose", "mapping", "critic"]
        # What stage I trains is frozen in stage II.
        assert recorder.gradients == list(owned.values())
        assert all(p.requires_grad for p in model.parameters())

    def test_every_trained_parameter_moves(self, model: Any) -> None:
        # A critic's last bias is in its loss twice, and its gradients cancel.
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        fit(model, self.batch(self.size), steps=2)
        still = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
        assert still == [f"{factor}_critic.8.bias" for factor in model.factors]


class TestDPIG(DPIGTester):
    narrow = NARROW
    tiny = TINY


class TestDeepFashion(DPIGTester):
    """One code for the whole appearance."""

    tiny: ClassVar = TINY | {"background_code": 0, "region_blocks": 4, "region_side": 16, "margins": "deepfashion"}

    def test_every_trained_parameter_moves(self, model: Any) -> None:
        assert model.factors == ("foreground", "pose")
        assert not [name for name, _ in model.named_parameters() if "background" in name]
        super().test_every_trained_parameter_moves(model)

    def test_the_background_is_no_factor(self, model: Any) -> None:
        one, other = model.eval().sample(2, seed=0, factors="foreground")
        assert np.any(np.asarray(one) != np.asarray(other))
        with pytest.raises(ZooError, match=r"no code of the background, .* choose from foreground, pose\."):
            model.sample(2, factors="background")


class TestPenalty(DPIGTester):
    tiny: ClassVar = TINY | {"lambda_penalty": 10.0, "decoder_width": 6}


@pytest.fixture(scope="module")
def model() -> DPIG:
    torch.manual_seed(0)
    return DPIG(**TINY).eval()


@pytest.fixture(scope="module")
def people(model: DPIG) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return model.example_batch(2, 64, 64)


def authors_batch(stored: Any, picture: Tensor) -> dict[str, Tensor]:
    """A batch whose source and target are the two pictures of a case."""
    both = {"source": slice(0, 1), "target": slice(1, 2)}
    batch = {which: picture[place] for which, place in both.items()}
    batch |= {f"{which}_pose": poses(stored["keypoints"])[place] for which, place in both.items()}
    return batch | {"mask": torch.ones(1, 1, 128, 64)}


def without_moments(model: DPIG, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing move: the authors' numbers are of one state, and Adam's moments take much memory."""
    monkeypatch.setattr(model, "configure_optimizer", lambda player, parameters: torch.optim.SGD(parameters, lr=0.0))


def test_a_step_of_stage_1_is_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = golden("appearance")
    with torch.device("meta"):
        model = DPIG(hidden=8)
        model.configure_model()
    letters = {"encoder": "E", "decoder": "G", "discriminator": "D"}
    for network, letter in letters.items():
        getattr(model, network).load_state_dict(our_state(stored, letter, network), assign=True)
    narrow = DPIG(width=1, hidden=8)
    narrow.configure_model()
    for name, part in narrow.named_children():
        if name not in letters:
            model.add_module(name, part)
    without_moments(model, monkeypatch)
    steps = Steps(("appearance/adversarial", "appearance/l1", "discriminator/real", "discriminator/fake"))
    fit(model, authors_batch(stored, stored.input("x")), callbacks=[steps])
    for network, letter in letters.items():
        rows = stored.info["stored"][f"grad1/{letter}"]["rows"]
        names = [our_name(network, row) for row in rows]
        gradients = [theirs(name, steps.gradients[f"{network}.{name}"]) for name in names]
        ok, ratio, difference = stored.check_tensors(f"grad1/{letter}", gradients)
        assert ok, (network, ratio, difference)
    adversarial, l1, real, fake = steps.losses[0]
    # Their third is only logged.
    losses = [adversarial, l1 / 20, stored["losses"][2], adversarial + l1, real + fake]
    ok, ratio, difference = stored.check("losses", torch.tensor(losses))
    assert ok, (ratio, difference)


def test_a_step_of_the_pose_autoencoder_is_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = golden("pose")
    model = DPIG(width=1, discriminator_width=1)
    model.configure_model()
    model.pose_autoencoder.load_state_dict(pose_state(stored))
    without_moments(model, monkeypatch)
    steps = Steps(("pose/l2",))
    fit(model, authors_batch(stored, torch.zeros(2, 3, 128, 64)), callbacks=[steps])
    gradients = {name.removeprefix("pose_autoencoder."): gradient for name, gradient in steps.gradients.items()}
    for table in ("grad1/E", "grad1/G"):
        ok, ratio, difference = stored.check_tensors(table, pose_rows(stored, table, gradients))
        assert ok, (table, ratio, difference)
    weighted = steps.losses[0][0]
    assert stored.check("losses", torch.tensor([weighted / 20, weighted]))[0]


def test_stage_2_leaves_stage_1_alone_and_clips_the_critics() -> None:
    torch.manual_seed(0)
    model = DPIG(**TINY | {"stage1_steps": 0, "critic_steps": 2})
    model.configure_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    recorder = fit(model, TestDPIG().batch((64, 64)), steps=2)
    moved = {name.partition(".")[0] for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {*model.players["mapping"], *model.players["critic"]}
    assert len(recorder.gradients) == 2 * (1 + 2)
    for name in model.players["critic"]:
        assert max(p.abs().max().item() for p in getattr(model, name).parameters()) <= 0.01 * (1 + 1e-6)


def test_mappings_learn_the_distribution_of_codes() -> None:
    torch.manual_seed(0)
    options = {"stage1_steps": 0, "hidden": 32, "mapping_lr": 2e-3, "clip": 0.1, "critic_steps": 3}
    model = DPIG(**TINY | options)
    batch = TestDPIG().batch((64, 64), 4)

    @torch.no_grad()
    def away(factor: str) -> float:
        real = model.encode(batch["source"], batch["source_pose"])[factor].mean(0)
        return float((model.random_code(factor, 256).mean(0) - real).norm())

    before = {factor: away(factor) for factor in ("foreground", "background")}
    fit(model, batch, steps=80)
    assert all(away(factor) < 0.6 * distance for factor, distance in before.items())


def test_rates_are_halved_in_each_stage_by_itself() -> None:
    model = DPIG(**TINY | {"stage1_steps": 100, "halve_every": 40, "lr": 3e-4, "mapping_lr": 1e-4})
    model.configure_model()
    model.trainer = tiny.trainer(None)
    rates = {}
    for player, networks in model.players.items():
        parameters = [p for name in networks for p in getattr(model, name).parameters()]
        rates[player] = model.configure_optimizer(player, parameters).param_groups[0]["lr"]
    assert rates == {"appearance": 3e-4, "discriminator": 2e-5, "pose": 3e-4, "mapping": 1e-4, "critic": 1e-4}
    factors = {step: [model.lr_factor(player, step) for player in ("pose", "critic")] for step in (0, 39, 40, 100, 140)}
    assert factors == {0: [1, 1], 39: [1, 1], 40: [0.5, 1], 100: [0.25, 1], 140: [0.125, 0.5]}


def test_a_run_continues_from_either_stage_to_the_same_end(tmp_path: Path) -> None:
    def train(folder: Path, *callbacks: L.Callback, checkpoint: Path | None = None) -> dict[str, Any]:
        torch.manual_seed(0)
        model = DPIG(**TINY | {"size": [64, 32], "stage1_steps": 2})
        data = PeopleData(train=2, val=1, size=(64, 32), batch_size=1, num_workers=0)
        options = {"max_steps": 4, "max_epochs": -1, "num_sanity_val_steps": 0}
        run = tiny.trainer(folder, ExactResume(), *callbacks, enable_checkpointing=bool(callbacks), **options)
        run.fit(model, data, ckpt_path=checkpoint)
        return {
            "weights": model.state_dict(),
            "moments": [optimizer.state_dict()["state"] for optimizer in run.optimizers],
        }

    uninterrupted = train(tmp_path, Everywhere())
    for moment in ("batch0", "batch1", "batch2"):
        assert equal(train(tmp_path / "resumed", checkpoint=tmp_path / f"{moment}.ckpt"), uninterrupted), moment


@pytest.mark.parametrize(
    "wrong", [{"size": [64, 40]}, {"size": [60, 64]}, {"region_side": 14}, {"blocks": 6, "size": [64, 64]}]
)
def test_sizes_that_cannot_be_halved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ZooError, match=r"DPIG cannot have size=.* give multiples of \d+ and of \d+, or fewer blocks"):
        DPIG(**TINY | wrong)


def test_data_of_another_size(model: DPIG) -> None:
    batch = {
        key: value[..., :32, :] if value.dim() == 4 else value for key, value in model.example_batch(1, 64, 64).items()
    }
    with pytest.raises(ZooError, match=r"64x64, its model.size, not 64x32: use --data.size \[64, 64\], or --model"):
        fit(DPIG(**TINY), batch)


# Sampling.


class Decoded:
    """The codes and the maps that the decoder got last."""

    def __init__(self, model: DPIG) -> None:
        self.handle = model.decoder.register_forward_pre_hook(self.record)
        self.lengths = [sum(list(model.code_lengths.values())[:1]), model.hparams.background_code]

    def record(self, module: Any, inputs: tuple[Tensor, Tensor]) -> None:
        code, self.pose = inputs
        self.foreground, self.background = code.split(self.lengths, 1)


@pytest.fixture
def decoded(model: DPIG) -> Iterator[Decoded]:
    recorder = Decoded(model)
    yield recorder
    recorder.handle.remove()


def constant(batch: Tensor) -> bool:
    return torch.allclose(batch, batch[:1], rtol=0, atol=1e-5)


def apart(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of two pictures, of 255."""
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())


@pytest.mark.parametrize("factors", [["foreground"], ["background"], ["pose"], ["foreground", "pose"]])
@pytest.mark.parametrize("given", [(), ("source",), ("pose",), ("source", "pose")])
def test_factors_that_are_not_sampled_stay(
    model: DPIG, people: Any, decoded: Decoded, factors: Any, given: Any
) -> None:
    if "pose" in given and "pose" in factors:
        return
    conditions: dict[str, Any] = {}
    if "source" in given:
        conditions |= {"source": people["source"][0], "source_pose": people["source_pose"][0]}
    if "pose" in given:
        conditions["pose"] = people["target_pose"][0]
    pictures = model.sample(3, seed=5, factors=factors, **conditions)
    assert [picture.size for picture in pictures] == [(64, 64)] * 3
    found = {factor: getattr(decoded, factor) for factor in FACTORS}
    for factor, values in found.items():
        # Untrained mappings may find the same pose for other noise.
        assert constant(values) == (factor not in factors) or factor == "pose"
    code = model.encode(people["source"][:1], people["source_pose"][:1])
    expected = {**(code | {"pose": people["source_pose"][:1]} if "source" in given else {})}
    if "pose" in given:
        expected["pose"] = people["target_pose"][:1]
    for factor, value in expected.items():
        if factor not in factors:
            value = 2 * discs(value, (64, 64)) - 1 if factor == "pose" else value
            torch.testing.assert_close(found[factor], value.expand_as(found[factor]))


def test_what_is_not_given_is_that_of_the_first_picture(model: DPIG, decoded: Decoded) -> None:
    everything = model.sample(3, seed=5)
    all_backgrounds = decoded.background
    one = model.sample(3, seed=5, factors="foreground")
    assert not constant(all_backgrounds)
    torch.testing.assert_close(decoded.background, all_backgrounds[:1].expand(3, -1))
    assert apart(one[0], everything[0]) <= 1
    assert apart(one[1], everything[1]) > 1
    assert apart(one[0], model.sample(1, seed=6, factors=["foreground"])[0]) > 1


def test_sampled_from_the_command_line(
    model: DPIG, people: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    i2i_zoo.save(model, "dpig")
    to_pil(people["source"][0]).save("me.png")
    np.save("me.npy", people["source_pose"][0].numpy())
    conditions = ["--source", "me.png", "--source-pose", "me.npy", "--factors", "foreground", "background"]
    assert main(["sample", "dpig", "-n", "3", "--seed", "4", "--batch", "2", *conditions]) == 0
    expected = model.sample(3, seed=4, source="me.png", source_pose="me.npy", factors=("foreground", "background"))
    for index, picture in enumerate(expected):
        assert apart(Image.open(f"samples/4-{index:04d}.png"), picture) <= 1


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"factors": ["hat"]}, r"factors=\['hat'\]: give one or more of 'foreground', 'background', 'pose'"),
        ({"factors": []}, r"factors=\[\]: give one or more of"),
        ({"factors": ["pose", "pose"]}, "give one or more of"),
        ({"factors": ["pose"], "pose": "own"}, "The pose was given, and it is one of the factors"),
        ({"source": "own", "source_pose": "own"}, "Nothing is left to differ from the source: name"),
        ({"source": "own", "source_pose": "own", "factors": FACTORS}, "nothing of it is used"),
        ({"source_pose": "own"}, "source_pose was given without a source"),
        ({"size": 64}, "takes no size: leave it out; it takes factors, source, source_pose, pose"),
        ({"source": "nothing.png", "source_pose": "own", "factors": "pose"}, "nothing.png"),
    ],
)
def test_wrong_conditions(model: DPIG, people: Any, conditions: dict[str, Any], words: str) -> None:
    own = {"source": people["source"][0], "source_pose": people["source_pose"][0], "pose": people["target_pose"][0]}
    given = {key: own[key] if value == "own" else value for key, value in conditions.items()}
    with pytest.raises(ZooError, match=words):
        model.sample(1, **given)


def test_a_named_pose_is_as_tall_as_the_source_or_fills_the_picture(model: DPIG, people: Any, decoded: Decoded) -> None:
    own = {"source": people["source"][0], "source_pose": people["source_pose"][0], "factors": "background"}
    model.sample(1, pose="waving", **own)
    pose = named_pose("waving", people["source_pose"][0])
    assert torch.equal(decoded.pose[0], 2 * discs(pose[None], model.hparams.size)[0] - 1)
    model.sample(1, pose="waving")
    rows = (decoded.pose[0] > 0).any(2).any(0).nonzero().flatten() / model.hparams.size[0]
    assert rows.min() < 0.2
    assert rows.max() > 0.8
    with pytest.raises(ZooError, match="The pose to sample with holds 2 poses: give one"):
        model.sample(1, pose=people["target_pose"][:2].numpy())


def test_pictures_between_two_people(model: DPIG, people: Any, decoded: Decoded) -> None:
    first, second = people["source"]
    own = {"first_pose": people["source_pose"][0], "second_pose": people["source_pose"][1]}
    assert len(model.interpolate(first, second, 5, **own)) == 5
    ends = model.encode(people["source"], people["source_pose"])
    for factor, codes in ends.items():
        found = getattr(decoded, factor)
        torch.testing.assert_close(found[[0, 4]], codes)
        torch.testing.assert_close(found[2], codes.mean(0))
    small = [to_pil(picture).resize((32, 32)) for picture in (first, second)]
    pictures = model.interpolate(
        *small, 2, factors="foreground", first_pose=own["first_pose"] / 2, second_pose=own["second_pose"] / 2
    )
    assert [picture.size for picture in pictures] == [(64, 64)] * 2
    assert constant(decoded.background)
    assert constant(decoded.pose)
    for wrong, words in (
        ({"count": 1}, "count=1: give a whole number of at least 2"),
        ({"factors": ["hat"]}, "give one or more of"),
        ({"style": 1}, "takes no style: leave it out"),
        ({"first": 3}, "first=3: give a picture"),
    ):
        with pytest.raises(ZooError, match=words):
            model.interpolate(**{"first": first, "second": second, **own, **wrong})


def test_progress_shows_other_factors(model: DPIG) -> None:
    batch = TestDPIG().batch((64, 64))
    with torch.inference_mode():
        outputs = model.validation_step(batch, 0)
        panels = model.panels(outputs)
        assert len(panels) == 4 + 3
        assert all(map(torch.equal, panels, model.panels(outputs)))


def test_many_pictures_at_once_are_translated(model: DPIG, people: Any) -> None:
    """The memory that they need is estimated without numbers."""
    many = people["source"][:1].expand(260, -1, -1, -1)
    poses = people["source_pose"][:1].expand(260, -1, -1)
    assert model.translate(many, people["target_pose"][0], source_pose=poses).shape == many.shape
