"""The tester that every method goes through."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import open_clip, save_clip
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.media.pose_files import Poses, write_poses
from i2i_zoo.methods.base import Method
from i2i_zoo.metrics.suites import suite
from i2i_zoo.registry import method_class, method_name


class Recorder(L.Callback):
    """What a run did: the gradients that each optimiser step saw, and the losses of each batch."""

    def __init__(self) -> None:
        self.gradients: list[set[str]] = []
        self.losses: list[dict[str, float]] = []
        #: The modules that were in eval mode when the first batch began.
        self.in_eval_mode: list[str] | None = None

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        if self.in_eval_mode is None:
            self.in_eval_mode = [name for name, part in module.named_modules() if not part.training]

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
        self.gradients.append({n for n, p in module.named_parameters() if p.requires_grad and p.grad is not None})

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.losses.append({k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("train/")})


def fit(model: Method, batch: dict[str, Any], steps: int = 1, **options: Any) -> Recorder:
    """Train on the same batch for some steps; returns what was recorded."""
    recorder = Recorder()
    trainer = L.Trainer(
        max_steps=steps,
        accelerator=options.pop("accelerator", "cpu"),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        callbacks=[recorder, *options.pop("callbacks", [])],
        **options,
    )
    trainer.fit(model, DataLoader([0] * steps, collate_fn=lambda _: batch))
    assert trainer.global_step == steps, "max_steps counts batches"
    return recorder


class MethodTester:
    """A subclass names the method, a tiny configuration and a batch; the rest is inherited.

    One subclass for each method has ``narrow`` too: with it the method is tested where all methods are (`by_method`).
    """

    method: ClassVar[type[Method]]
    #: Hyper-parameters that make the networks narrow, and change nothing else.
    narrow: ClassVar[dict[str, Any]]
    #: The hyper-parameters of the tests here.
    tiny: ClassVar[dict[str, Any]]
    #: Height and width of the pictures that it trains on here.
    size: ClassVar[tuple[int, int]] = (64, 128)
    #: The players in the order of a batch's updates, if not each makes one.
    updates: ClassVar[tuple[str, ...]] = ()

    #: The rendered data on which a step of a recipe trains, and its options that are numbers of channels.
    rendered: ClassVar[str] = "SyntheticPairs"
    rendered_channels: ClassVar[tuple[str, ...]] = ("in_channels", "out_channels")

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """What a step of a recipe needs beside narrow networks, as options of the command line.

        Args:
            hparams: All hyper-parameters of the recipe, with narrow networks.
            folder: A place for files.
        """
        return {"data.size": list(cls.size)}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        raise NotImplementedError

    def build(self) -> Method:
        """A new model, ready to train, the same each time."""
        torch.manual_seed(0)
        model = self.method(**self.tiny)
        model.configure_model()
        return model

    @pytest.fixture
    def model(self) -> Method:
        return self.build()

    def test_is_in_the_registry(self) -> None:
        assert method_class(method_name(self.method)) is self.method

    def test_signature_alone_is_the_configuration(self) -> None:
        parameters = inspect.signature(self.method.__init__).parameters
        with torch.device("meta"):
            model = self.method()
        assert set(model.hparams) == set(parameters) - {"self"}
        assert all(p.annotation is not inspect.Parameter.empty for name, p in parameters.items() if name != "self")
        hparams = json.loads(json.dumps(dict(model.hparams)))
        with torch.device("meta"):
            again = self.method(**hparams)
        assert again.state_dict().keys() == model.state_dict().keys()

    def test_inference_needs_no_discriminator(self) -> None:
        model = self.method(**self.tiny)
        assert not any(hasattr(model, name) for name in model.discriminator_networks)
        assert {name.split(".")[0] for name in model.state_dict()} == set(model.inference_networks)

    def test_gradients_reach_the_player_and_no_other(self, model: Method) -> None:
        recorder = fit(model, self.batch(self.size))
        owned = [
            {f"{name}.{p}" for name in model.players[player] for p, _ in getattr(model, name).named_parameters()}
            for player in self.updates or model.players
        ]
        assert recorder.gradients[0] == owned[0]
        for step, parameters in zip(recorder.gradients, owned, strict=True):
            assert parameters <= step
        trained = [getattr(model, name) for networks in model.players.values() for name in networks]
        assert all(p.requires_grad for network in trained for p in network.parameters())

    def test_every_trained_parameter_moves(self, model: Method) -> None:
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        recorder = fit(model, self.batch(self.size), steps=2)
        still = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
        assert still == []
        assert all(torch.isfinite(torch.tensor(value)) for losses in recorder.losses for value in losses.values())

    def test_fit_trains_in_train_mode(self, model: Method) -> None:
        assert fit(model.eval(), self.batch(self.size)).in_eval_mode == []

    def test_conditions_are_described(self, model: Method) -> None:
        names = [condition.name for condition in model.conditions]
        assert len(set(names)) == len({condition.option for condition in model.conditions}) == len(names)
        assert all(condition.help and not condition.help.endswith(".") for condition in model.conditions)

    def required(self, model: Method) -> dict[str, Any]:
        """A picture for each condition that must be chosen."""
        height, width = self.size
        pictures = {name: batch[0] for name, batch in model.example_batch(1, height, width).items()}
        return {condition.name: pictures[condition.name] for condition in model.conditions if condition.required}

    def given(self, model: Method) -> dict[str, Any]:
        """Other conditions that an example needs."""
        return {}

    def test_a_translator_translates_an_example(self, model: Method) -> None:
        model.eval()
        height, width = self.size
        example = model.example_batch(2, height, width)
        assert set(example) >= set(model.batch_keys)
        outputs = model.translator(**self.required(model)).translate(example[model.batch_keys[0]])
        assert len(outputs) == 2
        assert outputs.shape[-2:] == self.size
        assert outputs.abs().max() <= 1

    def test_a_validation_step_can_be_measured_and_shown(self, model: Method) -> None:
        model.eval()
        batch = self.batch(self.size)
        with torch.inference_mode():
            outputs = model.validation_step(batch, 0)
            predictions = list(model.predictions(model.predict_step(batch, 0), batch))
        for direction in model.directions:
            measured = model.measured(outputs, direction)
            measures, _ = suite(model, direction, dict.fromkeys(model.metrics_for(direction)))
            for measure in measures.values():
                assert set(measure.needs) <= set(measured), measure.title
        panels = model.panels(outputs)
        assert len(panels) >= 2
        assert {prediction.direction for prediction in predictions} == set(model.directions)
        assert {panel.shape[1] for panel in panels} <= {1, 3}
        for pictures in (*panels, *(prediction.pictures for prediction in predictions)):
            assert pictures.shape[0] == 2
            assert pictures.abs().max() <= 1
        for prediction in predictions:
            assert list(prediction.names) == ["a", "b"]

    def test_a_graph_gives_pictures_or_there_is_none(self, model: Method) -> None:
        try:
            graph = model.eval().graph()
        except ZooError:
            return
        height, width = self.size
        with torch.inference_mode():
            output = graph.module(*graph.inputs(2, height, width).values())
        assert output.shape[0] == 2
        assert output.shape[-2:] == self.size
        assert torch.isfinite(output).all()

    @pytest.mark.gpu
    def test_it_trains_and_translates_on_a_gpu(self, model: Method) -> None:
        losses = fit(model, self.batch(self.size), accelerator="gpu").losses[0]
        expected = fit(self.build(), self.batch(self.size)).losses[0]
        assert losses == pytest.approx(expected, rel=0.05, abs=0.02)
        height, width = self.size
        example = model.example_batch(2, height, width)[model.batch_keys[0]]
        assert model.eval().cuda().translator(**self.required(model)).translate(example).shape[-2:] == self.size

    def test_bf16(self, model: Method) -> None:
        full = fit(model, self.batch(self.size)).losses[0]
        mixed = fit(self.build(), self.batch(self.size), precision="bf16-mixed").losses[0]
        assert mixed.keys() == full.keys()
        assert mixed == pytest.approx(full, rel=0.05, abs=0.02)

    def test_weights_may_be_bfloat16(self, model: Method) -> None:
        model.eval().bfloat16()
        batch = self.batch(self.size)
        rounded = {
            key: value.bfloat16() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
            for key, value in batch.items()
        }
        with torch.inference_mode():
            predictions = list(model.predictions(model.predict_step(rounded, 0), rounded))
        assert all(torch.isfinite(prediction.pictures).all() for prediction in predictions)
        assert {prediction.pictures.dtype for prediction in predictions} <= {torch.float32, torch.bfloat16}

    def test_save_and_load(self, model: Method, tmp_path: Any) -> None:
        model.eval()
        i2i_zoo.save(model, tmp_path / "saved")
        loaded = i2i_zoo.load(str(tmp_path / "saved"), discriminators=True)
        assert type(loaded) is type(model)
        assert not loaded.training
        for name, value in model.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value), name
        bare = i2i_zoo.load(str(tmp_path / "saved"))
        assert not any(hasattr(bare, name) for name in model.discriminator_networks)


class InstanceNormTester(MethodTester):
    """For networks with convolutions in front of instance norms; it comes before a task's tester among the bases."""

    def test_every_trained_parameter_moves(self, model: Any) -> None:
        # A bias before an instance norm has no gradient but rounding noise, so it may stay as it is.
        before = {name: p.detach().clone() for name, p in model.named_parameters() if not name.endswith("bias")}
        fit(model, self.batch(self.size), steps=2)
        moved = dict(model.named_parameters())
        assert [name for name in before if torch.equal(moved[name], before[name])] == []


class PairedTester(MethodTester):
    """A tester for methods of the paired task."""

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        random = torch.Generator().manual_seed(1)
        channels = {"in_channels": 3, "out_channels": 3, **self.tiny}
        return {
            "source": torch.rand(batch_size, channels["in_channels"], *size, generator=random) * 2 - 1,
            "target": torch.rand(batch_size, channels["out_channels"], *size, generator=random) * 2 - 1,
            "name": ["a", "b", "c", "d"][:batch_size],
        }

    @pytest.mark.parametrize("size", [(64, 64), (64, 128), (50, 70), (1, 1)])
    def test_translate_keeps_the_size(self, model: Method, size: tuple[int, int]) -> None:
        model.eval()
        source = self.batch(size)["source"]
        output = model.translate(source)  # type: ignore[operator]
        assert output.shape[-2:] == size
        assert output.abs().max() <= 1
        assert torch.isfinite(output).all()

    def test_neighbours_in_the_batch_do_not_matter(self, model: Method) -> None:
        model.eval()
        source = self.batch(self.size)["source"]
        together, alone = model.translate(source), model.translate(source[0])  # type: ignore[operator]
        torch.testing.assert_close(together[0], alone, rtol=0, atol=1e-5)


class SemanticTester(MethodTester):
    """A tester for methods of the semantic task."""

    #: Sizes of label maps; and the size to work at, for a model that makes pictures of one size only.
    sizes: ClassVar[list[tuple[int, int]]] = [(64, 64), (64, 128), (50, 70), (1, 1)]
    size_option: ClassVar[tuple[int, int] | None] = None

    @staticmethod
    def batch_of(labels: int, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        random = torch.Generator().manual_seed(1)
        coarse = torch.randint(labels, (batch_size, 1, 4, 4), generator=random).float()
        label = torch.nn.functional.interpolate(coarse, size, mode="nearest")[:, 0].long()
        target = torch.rand(batch_size, 3, *size, generator=random) * 2 - 1
        return {"label": label, "target": target, "name": ["a", "b", "c", "d"][:batch_size]}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        return self.batch_of(self.tiny["labels"], size, batch_size)

    def test_translate_keeps_the_size(self, model: Any) -> None:
        model.eval()
        for size in self.sizes:
            maps = self.batch(size)["label"]
            pictures = model.translate([m.numpy() for m in maps])
            assert [picture.size for picture in pictures] == [size[::-1]] * 2
            if self.size_option is None:
                assert model.translate(maps).shape == (2, 3, *size)

    def build(self) -> Any:
        model = super().build()
        if self.size_option is not None:
            model.preprocess = model.preprocess_type.from_json({"size": list(self.size_option)}, "test")
        return model

    def test_neighbours_in_the_batch_do_not_matter(self, model: Any) -> None:
        model.eval()
        maps = self.batch(self.size)["label"]
        together, alone = model.translate(maps), model.translate(maps[0])
        torch.testing.assert_close(together[0], alone, rtol=0, atol=1e-5)

    def test_every_trained_parameter_moves(self, model: Method) -> None:
        # Biases may stay as they are: before a norm they have no gradient but rounding noise, and in a hinge loss the
        # gradients of the last bias for real and fake pictures cancel.
        before = {name: p.detach().clone() for name, p in model.named_parameters() if not name.endswith("bias")}
        fit(model, self.batch(self.size), steps=2)
        moved = dict(model.named_parameters())
        assert [name for name in before if torch.equal(moved[name], before[name])] == []


class UnpairedTester(MethodTester):
    """A tester for methods of two domains."""

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        random = torch.Generator().manual_seed(1)
        channels = {"in_channels": 3, "out_channels": 3, **self.tiny}
        a, b = (
            torch.rand(batch_size, channels[key], *size, generator=random) * 2 - 1
            for key in ("in_channels", "out_channels")
        )
        names = ["a", "b", "c", "d"][:batch_size]
        return {"a": a, "b": b, "name": names, "name_b": names}

    def sources(self, model: Any, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        """What each direction of the model translates."""
        batch = self.batch(size)
        return {direction: batch[direction[0]] for direction in model.directions}

    @pytest.mark.parametrize("size", [(64, 64), (64, 128), (50, 70), (1, 1)])
    def test_translate_keeps_the_size(self, model: Any, size: tuple[int, int]) -> None:
        model.eval()
        for direction, source in self.sources(model, size).items():
            output = model.translate(source, direction=direction)
            assert output.shape == (2, model.channels(direction)[1], *size)
            assert output.abs().max() <= 1
            assert torch.isfinite(output).all()

    def test_neighbours_in_the_batch_do_not_matter(self, model: Any) -> None:
        model.eval()
        for direction, source in self.sources(model, self.size).items():
            together = model.translate(source, direction=direction)
            alone = model.translate(source[0], direction=direction)
            torch.testing.assert_close(together[0], alone, rtol=0, atol=1e-5)

    def test_an_unknown_direction_is_refused(self, model: Any) -> None:
        with pytest.raises(ZooError, match="direction='sideways': give 'ab'"):
            model.translate(self.batch(self.size)["a"], direction="sideways")

    def test_a_validation_step_judges_each_direction(self, model: Any) -> None:
        model.eval()
        batch = self.batch(self.size)
        outputs = model.validation_step(batch, 0)
        for direction in model.directions:
            source, target = direction
            measured = model.measured(outputs, direction)
            torch.testing.assert_close(measured["source"], batch[source])
            torch.testing.assert_close(measured["target"], batch[target])
            torch.testing.assert_close(measured["output"], model.translate(batch[source], direction=direction))
        assert len(model.panels(outputs)) == 2 * len(model.directions)


class PoseTester(MethodTester):
    """A tester for methods of the pose task."""

    rendered = "PeopleData"

    def required(self, model: Method) -> dict[str, Any]:
        return {"pose": model.example_batch(1, *self.size)["target_pose"][0]}

    def given(self, model: Method) -> dict[str, Any]:
        return {"source_pose": model.example_batch(1, *self.size)["source_pose"][0]}

    rendered_channels = ()
    size: ClassVar[tuple[int, int]] = (64, 64)

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            example = self.method(**self.tiny).example_batch(batch_size, *size)
        return {**example, "name": ["a", "b", "c", "d"][:batch_size]}

    def test_a_translator_translates_an_example(self, model: Any) -> None:
        model.eval()
        example = model.example_batch(2, *self.size)
        assert set(example) == set(model.batch_keys)
        output = model.translate(example["source"], example["target_pose"][0], source_pose=example["source_pose"])
        assert output.shape == (2, 3, *self.size)
        assert output.abs().max() <= 1

    @pytest.mark.gpu
    def test_it_trains_and_translates_on_a_gpu(self, model: Any) -> None:
        losses = fit(model, self.batch(self.size), accelerator="gpu").losses[0]
        expected = fit(self.build(), self.batch(self.size)).losses[0]
        assert losses == pytest.approx(expected, rel=0.05, abs=0.02)
        model.eval().cuda()
        self.test_a_translator_translates_an_example(model)

    @pytest.mark.parametrize("size", [(64, 64), (64, 32), (50, 70), (1, 1)])
    def test_translate_keeps_the_size(self, model: Any, size: tuple[int, int]) -> None:
        model.eval()
        batch = self.batch(size)
        output = model.translate(batch["source"], batch["target_pose"][1], source_pose=batch["source_pose"])
        assert output.shape == (2, 3, *size)
        picture = to_pil(batch["source"][0])
        poses = {"pose": batch["target_pose"][1].numpy(), "source_pose": batch["source_pose"][0].numpy()}
        assert model.translate(picture, **poses).size == size[::-1]

    def test_neighbours_in_the_batch_do_not_matter(self, model: Any) -> None:
        model.eval()
        batch = self.batch(self.size)
        source, poses, pose = batch["source"], batch["source_pose"], batch["target_pose"][0]
        together = model.translate(source, pose, source_pose=poses)
        alone = model.translate(source[1], pose, source_pose=poses[1])
        torch.testing.assert_close(together[1], alone, rtol=0, atol=1e-5)

    def test_the_output_follows_both_poses(self, model: Any) -> None:
        model.eval()
        batch = self.batch(self.size)
        source, one, other = batch["source"][:1], batch["source_pose"][:1], batch["target_pose"][:1]
        with torch.inference_mode():
            outputs = [model(source, *poses) for poses in ((one, other), (other, one), (one, one))]
        assert not torch.equal(outputs[0], outputs[1])
        assert not torch.equal(outputs[0], outputs[2])

    def test_a_pose_is_in_pixels_of_its_picture(self, model: Any) -> None:
        """A picture of twice the size, with the same poses, is the same to a model that works at one size."""
        model.eval()
        model.preprocess = model.preprocess_type(self.size)
        batch = self.batch(self.size)
        small = to_pil(batch["source"][0])
        large = small.resize([2 * side for side in small.size], Image.Resampling.NEAREST)
        poses = [batch[f"{which}_pose"][0] for which in ("target", "source")]
        doubled = [torch.cat([pose[:, :2] * 2 + 0.5, pose[:, 2:]], 1) for pose in poses]
        translator = model.translator(pose=poses[0])
        working = translator.at_working_size(translator.read(small, source_pose=poses[1]))
        translator = model.translator(pose=doubled[0])
        again = translator.at_working_size(translator.read(large, source_pose=doubled[1]))
        torch.testing.assert_close(again[3:], working[3:], rtol=1e-5, atol=1e-4)
        assert (again[:3] - working[:3]).abs().mean() < 0.2  # scaling a picture of noise smooths it
        assert model.translate(large, doubled[0], source_pose=doubled[1]).size == large.size

    def test_a_pose_may_be_a_file(self, model: Any, tmp_path: Path) -> None:
        model.eval()
        batch = self.batch(self.size)
        source, pose, own = batch["source"][0], batch["target_pose"][0], batch["source_pose"][0]
        expected = model.translate(source, pose, source_pose=own)
        np.save(tmp_path / "own.npy", own.numpy())
        half = torch.cat([(pose[:, :2] + 0.5) / 2 - 0.5, pose[:, 2:]], 1)
        size = (self.size[0] // 2, self.size[1] // 2)
        write_poses(tmp_path / "half.json", Poses(half[None], ("",), (size,)))  # it is scaled to the source
        found = model.translate(source, tmp_path / "half.json", source_pose=tmp_path / "own.npy")
        other = model.translate(source, own, source_pose=own)
        # Numbers of a file are rounded, so single features come from the next pixel.
        assert 10 * (found - expected).abs().mean() < (other - expected).abs().mean()

    def test_several_poses_give_a_clip(self, model: Any) -> None:
        model.eval()
        batch = self.batch(self.size)
        source, poses, own = batch["source"], batch["target_pose"], batch["source_pose"]
        clips = model.translate(source, poses, source_pose=own)
        assert clips.shape == (2, 2, 3, *self.size)
        expected = model.translate(source[1], poses[1], source_pose=own[1])
        torch.testing.assert_close(clips[1, 1], expected, rtol=0, atol=1e-5)

    def test_wrong_poses_are_refused(self, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        batch = self.batch(self.size)
        source, pose = batch["source"][0], batch["target_pose"][0]
        with pytest.raises(ZooError, match="needs pose"):
            model.translate(source)
        monkeypatch.setenv("I2I_ZOO_POSE", "nowhere.pth")  # so that nobody can be found in pictures
        with pytest.raises(ZooError, match="as source_pose"):
            model.translate(source, pose)
        with pytest.raises(ZooError, match=r"shape \(16, 3\)"):
            model.translate(source, pose[2:], source_pose=pose)
        with pytest.raises(ZooError, match="no place in a picture"):
            model.translate(source, pose * torch.nan, source_pose=pose)
        for damaged, words in (
            (pose[None, :17], r"of shape \(B, 18, 3\), not \(1, 17, 3\)"),
            (pose[None] / 2, "visibility of 0 or 1"),
        ):
            wrong = {key: value[:1] for key, value in batch.items()} | {"source_pose": damaged}
            with pytest.raises(ZooError, match=words):
                fit(model, wrong)


class NoiseTester(MethodTester):
    """A tester for methods that make pictures or clips from noise."""

    rendered = "ShapesData"
    rendered_channels = ()
    size: ClassVar[tuple[int, int]] = (32, 32)

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        # A Frechet distance needs two pictures.
        return {"data.size": hparams["size"], "data.frames": hparams.get("frames", 2), "data.val": 2}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            example = self.method(**self.tiny).example_batch(batch_size, *size)
        return {**example, "name": ["a", "b", "c", "d"][:batch_size]}

    def test_a_translator_translates_an_example(self, model: Any) -> None:
        with pytest.raises(ZooError, match=r"use sample\(count\), not translate"):
            model.translate(torch.zeros(3, 32, 32))

    @pytest.mark.gpu
    def test_it_trains_and_translates_on_a_gpu(self, model: Any) -> None:
        fit(model, self.batch(self.size), accelerator="gpu")
        sampler = model.eval().sampler()
        expected = sampler.make(range(2), 5)
        torch.testing.assert_close(model.cuda().sampler().make(range(2), 5).cpu(), expected, rtol=0, atol=1e-2)

    def test_the_same_seed_gives_the_same_whatever_the_batch(self, model: Any) -> None:
        sampler = model.eval().sampler()
        together = torch.cat([sampler.make(range(3), 7), sampler.make([3], 7)])
        torch.testing.assert_close(together, torch.cat([sampler.make([i], 7) for i in range(4)]), rtol=0, atol=1e-5)
        assert len({made.numpy().tobytes() for made in together}) == 4
        assert not torch.equal(sampler.make([0], 7), sampler.make([0], 8))
        assert together.shape[-2:] == self.size
        assert together.abs().max() <= 1

    def test_another_size_is_refused(self, model: Any) -> None:
        with pytest.raises(ZooError, match="has size=32, and the clips are 48x32: give both the same"):
            fit(model, self.batch((32, 48)))


class AnimationTester(MethodTester):
    """A tester for methods of the animation task."""

    rendered = "ShapesData"
    rendered_channels = ()
    size: ClassVar[tuple[int, int]] = (64, 64)

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        return {"data.size": cls.size[0], "data.frames": 4}

    def required(self, model: Method) -> dict[str, Any]:
        return {"driving": model.example_batch(1, *self.size)["video"][0]}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            example = self.method(**self.tiny).example_batch(batch_size, *size)
        return {**example, "name": ["a", "b", "c", "d"][:batch_size]}

    def test_every_trained_parameter_moves(self, model: Any) -> None:
        # A bias in front of a norm has no gradient but rounding noise, so it may stay as it is.
        before = {name: p.detach().clone() for name, p in model.named_parameters() if not name.endswith("bias")}
        fit(model, self.batch(self.size), steps=3)  # a layer of zeros keeps gradients from those before it at first
        moved = dict(model.named_parameters())
        assert [name for name in before if torch.equal(moved[name], before[name])] == []

    def test_a_translator_translates_an_example(self, model: Any) -> None:
        model.eval()
        example = model.example_batch(2, *self.size)
        assert set(example) == set(model.batch_keys)
        clips = model.translate(example["video"][:, 0], example["video"][0])
        assert clips.shape == (2, len(example["video"][0]), 3, *self.size)
        assert clips.abs().max() <= 1

    @pytest.mark.gpu
    def test_it_trains_and_translates_on_a_gpu(self, model: Any) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(3)
            fit(model, self.batch(self.size), accelerator="gpu")
        batch = self.batch(self.size)["video"]
        expected = model.eval().translate(batch[0, 0], batch[1])
        found = model.cuda().translate(batch[0, 0], batch[1])
        torch.testing.assert_close(found.cpu(), expected.cpu(), rtol=0, atol=1e-2)

    @pytest.mark.parametrize("size", [(64, 32), (50, 70), (1, 1)])
    def test_translate_keeps_the_size_of_the_picture(self, model: Any, size: tuple[int, int]) -> None:
        model.eval()
        source = self.batch(size)["video"][:, 0]
        driving = self.batch((40, 30))["video"][1]
        clips = model.translate(source, driving)
        assert clips.shape == (2, len(driving), 3, *size)
        assert torch.isfinite(clips).all()
        (frames,) = model.translate([to_pil(source[0])], [to_pil(frame) for frame in driving])
        assert [frame.size for frame in frames] == [size[::-1]] * len(driving)

    def test_neighbours_in_the_batch_do_not_matter(self, model: Any) -> None:
        model.eval()
        video = self.batch(self.size)["video"]
        together, alone = model.translate(video[:, 0], video[1]), model.translate(video[1, 0], video[1])
        torch.testing.assert_close(together[1], alone, rtol=0, atol=1e-5)

    def test_relative_motion_begins_where_the_source_is(self, model: Any) -> None:
        """Of a clip that begins with the source, relative and absolute motion are the same; of another, not."""
        model.eval()
        video = self.batch(self.size)["video"]
        source, own, other = video[0, 0], video[0], video[1]
        with torch.inference_mode():
            reconstructed = model.validation_step({"video": video}, 0)["output"][0]
        for absolute in (False, True):
            found = model.translate(source, own, absolute=absolute)
            torch.testing.assert_close(found, reconstructed, rtol=0, atol=1e-4)
        relative, absolute = (model.translate(source, other, absolute=chosen) for chosen in (False, True))
        assert (relative[1:] - absolute[1:]).abs().max() > 1e-3
        with torch.inference_mode():
            expected = model(source[None], other[2:3])[0]
        torch.testing.assert_close(absolute[2], expected, rtol=0, atol=1e-5)

    def test_frames_are_made_as_they_are_asked_for(self, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        model.eval()
        video = self.batch(self.size)["video"]
        expected = model.translate(to_pil(video[0, 0]), list(map(to_pil, video[1])))
        translator = model.translator(driving=list(map(to_pil, video[1])))
        monkeypatch.setattr(type(translator), "FRAMES", 2)
        seen: list[int] = []

        def counted() -> Any:
            for number, frame in enumerate(video[1]):
                seen.append(number)
                yield to_pil(frame)

        translator.driving.frames = counted()
        (frames,) = translator.translate_read([translator.read(to_pil(video[0, 0]))])
        first = next(frames)
        assert seen == [0, 1]
        for made, frame in zip([first, *frames], expected, strict=True):
            assert np.abs(np.asarray(made).astype(int) - np.asarray(frame)).max() <= 1

    def test_from_the_command_line(self, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        i2i_zoo.save(model.eval(), "animated")
        video = self.batch(self.size)["video"]
        save_clip([to_pil(frame) for frame in video[1]], Path("dance.gif"), 10)
        for name in ("ann", "bob"):
            to_pil(video[0, 0]).save(f"{name}.png")
        assert main(["translate", "animated", "ann.png", "bob.png", "--driving", "dance.gif", "-o", "out"]) == 0
        assert {path.name for path in Path("out").iterdir()} == {"ann.gif", "bob.gif"}
        written = open_clip("out/ann.gif")
        assert (written.count(), written.rate) == (len(video[1]), 10)
        with pytest.raises(ZooError, match=r"dance\.gif: the model makes a clip of one picture; give pictures"):
            model.translate("dance.gif", "dance.gif")

    def test_wrong_clips_are_refused(self, model: Any, tmp_path: Path) -> None:
        picture = self.batch(self.size)["video"][0, 0]
        with pytest.raises(ZooError, match=r"needs driving \(--driving\): the clip to move as"):
            model.translate(picture)
        with pytest.raises(ZooError, match=r"nowhere\.gif: there is no such file"):
            model.translate(picture, "nowhere.gif")
        with pytest.raises(ZooError, match=r"driving of shape \(3, 64, 64\): give a clip \(T, 3, H, W\)"):
            model.translate(picture, picture)
        for empty in ([], picture[None, :0][:0]):
            with pytest.raises(ZooError, match="driving is empty: give a clip of at least one frame"):
                model.translate(picture, empty)
        with pytest.raises(ZooError, match="driving=3: give a video, an animation"):
            model.translate(picture, 3)
