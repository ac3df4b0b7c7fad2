"""Checkpoints: saved, loaded, published and fetched, with the real client of the Hub against a local server."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

import i2i_zoo
from convert.layouts import adain, behind, layers, resnet, tracked
from golden.fill import Golden
from i2i_zoo import registry
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.hub import init_from
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.registry import Entry
from methods.authors import Options
from servers import FileServer, Hub, Repo, running

TINY: dict[str, Any] = {"generator": "unet_64", "width": 2, "discriminator_width": 2, "receptive_field": 16}
ENTRY: dict[str, Any] = {
    "method": "pix2pix",
    "dataset": "none",
    "description": "something to something else",
    "license": "other",
    "license_notice": "Only for tests.",
    "origin": "trained",
}


def tiny(**hparams: Any) -> Pix2Pix:
    model = Pix2Pix(**{**TINY, **hparams})
    model.configure_model()
    model.preprocess = model.preprocess_type.from_json({"size": [64, 64]}, "test")
    return model.eval()


def same(a: Any, b: Any) -> bool:
    a, b = a.state_dict(), b.state_dict()
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture(scope="module")
def model() -> Pix2Pix:
    return tiny()


@pytest.fixture(scope="module")
def files(model: Pix2Pix, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the model's checkpoint."""
    directory = tmp_path_factory.mktemp("saved") / "checkpoint"
    i2i_zoo.save(model, directory)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def directory(files: dict[str, bytes], tmp_path: Path) -> Path:
    """A fresh copy of the checkpoint."""
    directory = tmp_path / "checkpoint"
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


class TestDirectory:
    def test_gives_back_what_was_saved(self, model: Pix2Pix, directory: Path) -> None:
        loaded = i2i_zoo.load(directory, discriminators=True)
        assert same(loaded, model)
        assert not loaded.training
        assert loaded.preprocess.to_json() == {"size": [64, 64]}
        assert {**loaded.hparams, "betas": (0.5, 0.999)} == dict(model.hparams)
        source = torch.rand(1, 3, 64, 64)
        with torch.inference_mode():
            assert torch.equal(loaded(source), model(source))

    def test_holds_the_files_of_the_design(self, files: dict[str, bytes]) -> None:
        assert sorted(files) == ["README.md", "config.json", "discriminators.safetensors", "model.safetensors"]
        config = json.loads(files["config.json"])
        assert config["method"] == "pix2pix"
        assert config["i2i_zoo"] == i2i_zoo.__version__
        assert config["hparams"]["betas"] == [0.5, 0.999]

    def test_has_no_discriminator_unless_asked_and_can_be_trained_on(self, directory: Path) -> None:
        loaded = i2i_zoo.load(directory)
        assert not hasattr(loaded, "discriminator")
        loaded.configure_model()
        loaded.train()(torch.rand(1, 3, 64, 64)).sum().backward()
        assert all(p.grad is not None for p in loaded.generator.parameters())
        assert not any(p.is_meta for p in loaded.parameters())

    def test_in_half_precision(self, model: Pix2Pix, directory: Path) -> None:
        i2i_zoo.save(model, directory, half=True)
        assert {t.dtype for t in load_file(directory / "model.safetensors").values()} == {torch.float16, torch.int64}
        loaded = i2i_zoo.load(directory)
        assert {p.dtype for p in loaded.parameters()} == {torch.float32}
        for name, tensor in loaded.state_dict().items():
            assert torch.equal(tensor, model.state_dict()[name].half().to(tensor.dtype))

    def test_in_half_precision_keeps_what_is_beyond_its_range(self, tmp_path: Path) -> None:
        model = tiny()
        model.generator.down[1].norm.running_var.fill_(1e6)
        i2i_zoo.save(model, tmp_path / "wide", half=True)
        assert i2i_zoo.load(tmp_path / "wide").generator.down[1].norm.running_var[0] == 1e6

    def test_channels_last(self, directory: Path) -> None:
        model = tiny().to(memory_format=torch.channels_last)
        i2i_zoo.save(model, directory)
        assert same(i2i_zoo.load(directory, discriminators=True), model)

    def test_overrides(self, directory: Path) -> None:
        assert i2i_zoo.load(directory, inference_norm="running").hparams.inference_norm == "running"
        with pytest.raises(ZooError, match=r"no hyper-parameter 'wdith': choose from in_channels, .*width"):
            i2i_zoo.load(directory, wdith=3)
        with pytest.raises(ZooError, match="Pix2Pix cannot have inference_norm='runing': choose from image, running"):
            i2i_zoo.load(directory, inference_norm="runing")

    def test_replaces_another_and_keeps_the_card(self, directory: Path) -> None:
        (directory / "README.md").write_text("mine")
        other = tiny(lambda_adversarial=0)
        i2i_zoo.save(other, directory)
        assert (directory / "README.md").read_text() == "mine"
        assert not (directory / "discriminators.safetensors").exists()
        assert same(i2i_zoo.load(directory), other)
        with pytest.raises(ZooError, match=r"checkpoint has no discriminators\.safetensors"):
            i2i_zoo.load(directory, discriminators=True)

    def test_failing_save_changes_nothing(self, directory: Path, files: dict[str, bytes]) -> None:
        model = tiny()
        model.hparams["width"] = {1, 2}  # no JSON
        with pytest.raises(TypeError):
            i2i_zoo.save(model, directory)
        assert {path.name: path.read_bytes() for path in directory.iterdir()} == files
        assert os.listdir(directory.parent) == [directory.name]

    def test_where_nothing_can_be_written(self, model: Pix2Pix, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ZooError, match="Cannot write the checkpoint"):
            i2i_zoo.save(model, tmp_path / "file" / "checkpoint")

    @pytest.mark.parametrize("found", ["config.json", "model.safetensors", "discriminators.safetensors"])
    def test_files_of_other_programs_stay(self, model: Pix2Pix, tmp_path: Path, found: str) -> None:
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs" / found).write_text('{"model_type": "bert"}')
        with pytest.raises(ZooError, match=rf"theirs holds {found}, which is not of a checkpoint .*another folder"):
            i2i_zoo.save(model, tmp_path / "theirs")
        assert {path.name: path.read_text() for path in (tmp_path / "theirs").iterdir()} == {
            found: '{"model_type": "bert"}'
        }
        assert os.listdir(tmp_path) == ["theirs"]

    @pytest.mark.parametrize("file", ["config.json", "model.safetensors", "discriminators.safetensors"])
    @pytest.mark.parametrize("what", ["folder", "text", "link"])
    def test_a_checkpoint_beside_things_of_others(
        self, model: Pix2Pix, directory: Path, tmp_path: Path, file: str, what: str
    ) -> None:
        (directory / file).unlink()
        (tmp_path / "theirs").write_text("precious")
        if what == "folder":
            (directory / file).mkdir()
            (directory / file / "theirs").write_text("precious")
        elif what == "text":
            (directory / file).write_text("precious")
        else:
            (directory / file).symlink_to(tmp_path / "theirs")

        def content() -> dict[Path, bytes]:
            return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

        before = content()
        with pytest.raises(ZooError, match=rf"holds {file}, which is not of a checkpoint of the zoo and stays"):
            i2i_zoo.save(model, directory)
        assert content() == before

    def test_links_to_folders_are_followed(self, model: Pix2Pix, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        for link, target in (("link", "real"), ("dangling", "new")):
            (tmp_path / link).symlink_to(target)
            i2i_zoo.save(model, tmp_path / link)
            assert (tmp_path / link).is_symlink()
            assert same(i2i_zoo.load(tmp_path / target, discriminators=True), model)

    def test_a_card_of_others_stays(self, model: Pix2Pix, tmp_path: Path) -> None:
        for name in ("text", "link"):
            (tmp_path / name).mkdir()
        (tmp_path / "text" / "README.md").write_text("theirs")
        (tmp_path / "link" / "README.md").symlink_to("nowhere")
        i2i_zoo.save(model, tmp_path / "text")
        i2i_zoo.save(model, tmp_path / "link")
        assert (tmp_path / "text" / "README.md").read_text() == "theirs"
        assert os.readlink(tmp_path / "link" / "README.md") == "nowhere"

    def test_a_file_in_place_of_the_folder(self, model: Pix2Pix, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("precious")
        with pytest.raises(ZooError, match=r"file \(Not a directory\); choose another place\.$"):
            i2i_zoo.save(model, tmp_path / "file")
        with pytest.raises(ZooError, match="'' is not a folder"):
            i2i_zoo.save(model, "")
        assert (tmp_path / "file").read_text() == "precious"
        assert os.listdir(tmp_path) == ["file"]

    def test_everything_is_written_inside_a_folder_that_exists(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Its parent may be read-only, or it may be a mount point: then no file can be moved into it from outside.
        def move(source: Path, target: Path, *, replace: Any = os.replace) -> None:
            assert directory in source.parents
            assert directory in target.parents
            replace(source, target)

        monkeypatch.setattr(os, "replace", move)
        other = tiny(lambda_adversarial=0)
        i2i_zoo.save(other, directory)
        assert same(i2i_zoo.load(directory), other)
        assert sorted(os.listdir(directory)) == ["README.md", "config.json", "model.safetensors"]

    @pytest.mark.parametrize("moves", range(7))
    def test_an_interrupt_at_any_move_changes_nothing(
        self, directory: Path, files: dict[str, bytes], moves: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = []

        def move(source: Path, target: Path, *, replace: Any = os.replace) -> None:
            if len(done) == moves:
                done.append(source)
                raise KeyboardInterrupt
            done.append(source)
            replace(source, target)

        monkeypatch.setattr(os, "replace", move)
        if moves < 5:  # three files leave, two come
            with pytest.raises(KeyboardInterrupt):
                i2i_zoo.save(tiny(lambda_adversarial=0), directory)
            assert {path.name: path.read_bytes() for path in directory.iterdir()} == files
        else:
            i2i_zoo.save(tiny(lambda_adversarial=0), directory)
            assert len(done) == 5

    @pytest.mark.slow
    @pytest.mark.parametrize("moves", range(6))
    def test_a_save_that_was_killed_is_repeated(self, directory: Path, moves: int) -> None:
        code = (
            "import os, sys, signal, i2i_zoo\n"
            "model, move, left = i2i_zoo.load(sys.argv[1], discriminators=True), os.replace, int(sys.argv[2])\n"
            "def killed(source, target):\n"
            "    global left\n"
            "    if not left: os.kill(os.getpid(), signal.SIGKILL)\n"
            "    left -= 1\n"
            "    move(source, target)\n"
            "os.replace = killed\n"
            "i2i_zoo.save(model, sys.argv[1])\n"
        )
        done = subprocess.run([sys.executable, "-c", code, str(directory), str(moves)])
        assert done.returncode == -9
        other = tiny()
        i2i_zoo.save(other, directory)
        assert same(i2i_zoo.load(directory, discriminators=True), other)
        assert len(os.listdir(directory)) == 4
        assert os.listdir(directory.parent) == [directory.name]

    def test_missing_unknown_and_misshapen_tensors(self, directory: Path) -> None:
        path = directory / "model.safetensors"
        tensors = load_file(path)
        bias = tensors.pop("generator.up.0.conv.bias")
        save_file({**tensors, "generator.extra": torch.zeros(1)}, path)
        with pytest.raises(ZooError, match=r"missing generator\.up\.0\.conv\.bias; unknown generator\.extra;"):
            i2i_zoo.load(directory)
        loaded = i2i_zoo.load(directory, strict=False)
        assert torch.equal(loaded.generator.up[0].conv.bias, torch.zeros(3))  # its initialisation
        assert torch.equal(loaded.generator.down[0].conv.weight, tensors["generator.down.0.conv.weight"])
        save_file({**tensors, "generator.up.0.conv.bias": bias[:2].clone()}, path)
        for strict in (True, False):
            with pytest.raises(ZooError, match=r"misshapen generator\.up\.0\.conv\.bias \(2 in place of 3\)"):
                i2i_zoo.load(directory, strict=strict)

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("model.safetensors", b"not tensors at all", r"model\.safetensors is damaged"),
            ("model.safetensors", None, r"has no model\.safetensors"),
            ("config.json", b"{", r"config\.json: the file cannot be read"),
            ("config.json", b"[]", r"is not the config\.json of a checkpoint"),
            ("config.json", None, r"has no config\.json"),
            (
                "config.json",
                b'{"method": "os:system", "hparams": {}, "preprocess": {}}',
                "no method is called 'os:system': choose from adain",
            ),
            (
                "config.json",
                b'{"method": "pix2pix", "hparams": {"colour": 1}, "preprocess": {}}',
                "Pix2Pix has no hyper-parameter 'colour': choose from",
            ),
            (
                "config.json",
                b'{"method": "pix2pix", "hparams": {"width": "x"}, "preprocess": {}}',
                r"Pix2Pix cannot have width='x': give a whole number",
            ),
        ],
    )
    def test_damaged_files(self, directory: Path, file: str, content: bytes | None, message: str) -> None:
        if content is None:
            (directory / file).unlink()
        else:
            (directory / file).write_bytes(content)
        with pytest.raises(ZooError, match=message):
            i2i_zoo.load(directory)

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_weights_that_are_no_numbers(self, directory: Path, number: float) -> None:
        path = directory / "model.safetensors"
        tensors = load_file(path)
        tensors["generator.down.1.conv.weight"][0, 0, 0, 0] = number
        save_file(tensors, path)
        message = r"checkpoint hold NaN or infinite numbers, in generator\.down\.1\.conv\.weight: .*earlier checkpoint"
        for strict in (True, False):
            with pytest.raises(ZooError, match=message):
                i2i_zoo.load(directory, strict=strict)
        with pytest.raises(ZooError, match=message):
            init_from(tiny(), directory)

    def test_truncated_tensors(self, directory: Path, files: dict[str, bytes]) -> None:
        (directory / "model.safetensors").write_bytes(files["model.safetensors"][:-100])
        with pytest.raises(ZooError, match=r"model\.safetensors is damaged"):
            i2i_zoo.load(directory)


@pytest.mark.parametrize(
    ("method", "hparams"),
    [
        ("pix2pixhd", {"blocks": 10**8, "labels": 3}),
        ("munit", {"blocks": 10**8}),
        ("spade", {"labels": 3, "scales": 10**8}),
        ("pix2pixhd", {"labels": 3, "enhancers": 10**8, "blocks": 10**4}),
    ],
)
def test_a_config_of_layers_without_end(method: str, hparams: dict[str, Any], tmp_path: Path) -> None:
    config = {"method": method, "hparams": hparams, "preprocess": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for file in ("model", "discriminators"):
        save_file({f"{file}.weight": torch.zeros(1)}, tmp_path / f"{file}.safetensors")
    with pytest.raises(ZooError, match=r"far more layers than its 2 tensors can fill|cannot have"):
        i2i_zoo.load(tmp_path, discriminators=True)


class TestInitFrom:
    def test_copies_generator_and_discriminator(self, model: Pix2Pix, directory: Path) -> None:
        started = tiny(lr=1e-5)
        init_from(started, directory)
        assert same(started, model)
        assert started.hparams.lr == 1e-5

    def test_does_without_discriminators(self, model: Pix2Pix, directory: Path) -> None:
        (directory / "discriminators.safetensors").unlink()
        started = tiny()
        before = {k: v.clone() for k, v in started.discriminator.state_dict().items()}
        init_from(started, directory)
        assert same(started.generator, model.generator)
        assert all(torch.equal(v, before[k]) for k, v in started.discriminator.state_dict().items())

    def test_of_another_width_changes_nothing(self, directory: Path) -> None:
        started = tiny(width=3)
        before = {k: v.clone() for k, v in started.state_dict().items()}
        with pytest.raises(
            ZooError, match=r"checkpoint has another architecture than the model: use --model\.width 2\."
        ):
            init_from(started, directory)
        assert all(torch.equal(v, before[k]) for k, v in started.state_dict().items())
        others = tiny(generator="resnet_6", receptive_field=1, norm="instance", lr=1.0, betas=[0.1, 0.2])
        with pytest.raises(
            ZooError, match=r"use --model\.generator unet_64 --model\.norm batch --model\.receptive_field 16\."
        ):
            init_from(others, directory)

    @pytest.mark.parametrize("what", ["last.ckpt", "version_3", "run"])
    def test_from_a_run(self, model: Pix2Pix, tmp_path: Path, what: str) -> None:
        file = tmp_path / "run" / "version_3" / "checkpoints" / "last.ckpt"
        file.parent.mkdir(parents=True)
        content = {"hyper_parameters": dict(model.hparams), "preprocess": {}, "state_dict": model.state_dict()}
        torch.save({**content, "pytorch-lightning_version": "2.6.6"}, file)
        source = {"last.ckpt": file, "version_3": file.parent.parent, "run": tmp_path / "run"}[what]
        started = tiny()
        init_from(started, source)
        assert same(started, model)
        with pytest.raises(ZooError, match=r"another architecture than the model: use --model\.width 2\."):
            init_from(tiny(width=3), source)
        saved = tiny()
        i2i_zoo.save(saved, file.parent.parent / "model")  # as a run does at its end
        init_from(started, source)
        assert same(started, model if what == "last.ckpt" else saved)

    def test_of_broken_files_says_which_tensors(self, directory: Path) -> None:
        tensors = load_file(directory / "model.safetensors")
        tensors["generator.down.0.conv.weight"] = torch.zeros(1, 3, 4, 4)
        save_file(tensors, directory / "model.safetensors")
        with pytest.raises(
            ZooError, match=r"misshapen generator\.down\.0\.conv\.weight \(1x3x4x4 in place of 2x3x4x4\)"
        ):
            init_from(tiny(), directory)


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("tpu", "there is no such device"),
        ("meta", "it holds no numbers"),
        ("", "Device string must not be empty"),
        ("cuda:99", ""),
        ("mps:7" if not torch.backends.mps.is_available() else "xla", "there is no such device"),
        (["cpu"], "it is not the name of one"),
        pytest.param("cuda", "", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")),
    ],
)
def test_devices_that_cannot_be_used(directory: Path, device: Any, why: str) -> None:
    with pytest.raises(ZooError, match=rf"^device .* cannot be used here \({why}.*\): choose cpu, cuda, cuda:1 or mps"):
        i2i_zoo.load(directory, device=device)


@pytest.mark.parametrize("name", ["~", "/", "", "a\0b", "a" * 5000, "hf:", "hf:@", "hf:a/b/c", "\x1b[31m"])
def test_names_of_nothing(name: str, model: Pix2Pix) -> None:
    for call in (lambda: i2i_zoo.load(name), lambda: init_from(model, name)):
        with pytest.raises(ZooError, match=r"^\S.*\.$"):
            call()


@pytest.mark.parametrize("value", [None, 3, "pix2pix", Pix2Pix, torch.nn.ReLU()])
def test_models_that_are_not_of_the_zoo(value: Any, directory: Path, tmp_path: Path) -> None:
    for call in (
        lambda: i2i_zoo.save(value, tmp_path / "new"),
        lambda: i2i_zoo.push(value, "me/model"),
        lambda: init_from(value, directory),
    ):
        with pytest.raises(ZooError, match="is not a model of the zoo: give one of load, convert or"):
            call()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", [None, 5, b"x", [], {}])
def test_names_that_are_no_text(name: Any) -> None:
    with pytest.raises(ZooError, match="is not the name of a checkpoint: give one as text, or the path of a folder"):
        i2i_zoo.load(name)


@pytest.mark.parametrize("value", [None, 5, b"x", {}, 2.5, [None, "a"]])
def test_values_of_other_types(value: Any, model: Pix2Pix, tmp_path: Path) -> None:
    wrong = [
        lambda: i2i_zoo.info(value),
        lambda: i2i_zoo.list_models(value),
        lambda: i2i_zoo.list_models(method=value or 3),
        lambda: i2i_zoo.list_models(bundled=value or 3),
        lambda: i2i_zoo.load("pix2pix-camvid", strict=value),
        lambda: i2i_zoo.load("pix2pix-camvid", discriminators=value),
        lambda: i2i_zoo.convert(value, "file"),
        lambda: i2i_zoo.convert("pix2pix", {"generator": value}),
        lambda: i2i_zoo.save(model, value),
        lambda: i2i_zoo.save(value, tmp_path / "new"),
        lambda: i2i_zoo.save(model, tmp_path / "new", half=value),
        lambda: i2i_zoo.push(model, value),
        lambda: init_from(model, value),
    ]
    for call in wrong:
        with pytest.raises(ZooError):
            call()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (torch.zeros(0, 3, 64, 64), r"An empty batch of shape \(0, 3, 64, 64\) was given: give at least one source"),
        (torch.zeros(3, 64, 64, device="meta"), "it is on the meta device, which holds no numbers: give a dense one"),
        (torch.zeros(3, 64, 64).to_sparse(), "it is sparse or quantized: give a dense one of float32 or int64"),
        (torch.zeros(3, 64, 64).to(torch.float8_e4m3fn), "it holds float8_e4m3fn: give a dense one"),
    ],
)
def test_tensors_without_numbers(source: torch.Tensor, why: str, model: Pix2Pix) -> None:
    with pytest.raises(ZooError, match=why):
        model.translate(source)


@pytest.mark.parametrize("count", [-1, 0, 2.5, "1", None, True])
@pytest.mark.parametrize("seed", [0, None])
def test_counts_of_samples(count: Any, seed: Any) -> None:
    with pytest.raises(ZooError, match=r"^count=.*: give a positive whole number\.$"):
        i2i_zoo.load("cogan-digits").sample(count, seed=seed)


@pytest.mark.parametrize("seed", [-1, 2**70, "1", 1.5])
def test_seeds_of_samples(seed: Any) -> None:
    with pytest.raises(ZooError, match=r"^seed=.*: give a whole number of at most 18 digits\.$"):
        i2i_zoo.load("cogan-digits").sample(1, seed=seed)


def test_places_that_cannot_be(model: Pix2Pix, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for place in (tmp_path / "a\0b", tmp_path / "circle"):
        with pytest.raises(ZooError, match=r"Cannot write the checkpoint .*choose another place"):
            i2i_zoo.save(model, place)


def test_wrong_names() -> None:
    with pytest.raises(
        ZooError, match=r"'pix2pix-camvd' is neither a checkpoint of the zoo \(the closest are pix2pix-camvid,"
    ):
        i2i_zoo.load("pix2pix-camvd")
    with pytest.raises(ZooError, match="has no revisions"):
        i2i_zoo.load("pix2pix-facades", revision="main")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running(Hub()) as hub:
        yield hub


@pytest.fixture
def repo(hub: Hub, files: dict[str, bytes], request: pytest.FixtureRequest) -> str:
    """The name of a repository that holds the checkpoint; another one for each test, since the cache remembers."""
    name = f"org/{hashlib.sha1(request.node.name.encode()).hexdigest()[:10]}"
    hub.repos[name] = Repo()
    hub.repos[name].commit(**{file.replace(".", "__"): content for file, content in files.items()})
    return name


class TestHub:
    def test_load_by_repository(self, model: Pix2Pix, hub: Hub, repo: str) -> None:
        assert same(i2i_zoo.load(f"hf:{repo}", discriminators=True), model)
        assert same(i2i_zoo.load(f"hf:{repo}@main").generator, model.generator)

    def test_load_by_registry_name_is_verified(
        self, model: Pix2Pix, hub: Hub, repo: str, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        pinned = hub.repos[repo].head
        entry = Entry(name="good", repo=repo, revision=pinned, sha256=sha256, **ENTRY)
        monkeypatch.setitem(registry.ENTRIES, "good", entry)
        assert same(i2i_zoo.load("good").generator, model.generator)
        sha256 = {**sha256, "model.safetensors": "0" * 64}
        entry = Entry(name="bad", repo=repo, revision=pinned, sha256=sha256, **ENTRY)
        monkeypatch.setitem(registry.ENTRIES, "bad", entry)
        with pytest.raises(ZooError, match=r"model\.safetensors is not the file of bad: its sha256 differs"):
            i2i_zoo.load("bad")

    def test_another_revision_than_the_pinned(
        self, hub: Hub, repo: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        pinned = hub.repos[repo].head
        newer = tiny()
        i2i_zoo.save(newer, tmp_path / "newer")
        hub.repos[repo].commit(model__safetensors=(tmp_path / "newer" / "model.safetensors").read_bytes())
        monkeypatch.setitem(registry.ENTRIES, "pinned", Entry(name="pinned", repo=repo, revision=pinned, **ENTRY))
        assert not same(i2i_zoo.load("pinned").generator, newer.generator)
        assert same(i2i_zoo.load("pinned", revision="main").generator, newer.generator)

    def test_cached_and_pinned_needs_no_network(self, hub: Hub, repo: str) -> None:
        pinned = hub.repos[repo].head
        first = i2i_zoo.load(f"hf:{repo}", revision=pinned)
        asked = len(hub.requests)
        i2i_zoo.load(f"hf:{repo}@{pinned}")
        assert len(hub.requests) == asked > 0
        hub.stop()
        assert same(i2i_zoo.load(f"hf:{repo}@{pinned}"), first)

    @pytest.mark.slow
    def test_offline(self, model: Pix2Pix, hub: Hub, repo: str, tmp_path: Path) -> None:
        i2i_zoo.load(f"hf:{repo}", cache_dir=tmp_path)
        asked = len(hub.requests)
        assert same(i2i_zoo.load(f"hf:{repo}", cache_dir=tmp_path, local_files_only=True).generator, model.generator)
        with pytest.raises(ZooError, match="is not in the cache, and the Hub cannot be reached"):
            i2i_zoo.load(f"hf:{repo}", cache_dir=tmp_path / "empty", local_files_only=True)
        assert len(hub.requests) == asked
        # The client reads HF_HUB_OFFLINE when it is imported, so this needs a process of its own.
        code = (
            "import sys; from i2i_zoo import hub; from i2i_zoo.errors import ZooError\n"
            "from i2i_zoo.store.sources import locate\n"
            "files = locate('hf:' + sys.argv[1], cache_dir=sys.argv[2]); assert files('config.json').is_file()\n"
            "try: locate('hf:org/other')('config.json')\n"
            "except ZooError as error: print(error)\n"
            "try: hub.load('pix2pix-facades')\n"
            "except ZooError as error: print(error)\n"
        )
        command = [sys.executable, "-c", code, repo, str(tmp_path)]
        done = subprocess.run(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
        hub_error, official_error = done.stdout.splitlines() or [done.stderr, ""]
        assert hub_error.startswith("hf:org/other is not in the cache, and the Hub cannot be reached")
        assert official_error.startswith("pix2pix-facades is not in the cache")
        assert len(hub.requests) == asked

    def test_without_network_it_says_so_at_once(self, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
        hub.stop()
        with pytest.raises(ZooError, match="hf:org/other is not in the cache, and the Hub cannot be reached: check"):
            i2i_zoo.load("hf:org/other")
        assert not caplog.records

    def test_private_repository_needs_the_token(self, model: Pix2Pix, hub: Hub, repo: str) -> None:
        hub.repos[repo].token = "hf_secret"
        with pytest.raises(ZooError, match=f"no repository {repo}, or it is private: .*token="):
            i2i_zoo.load(f"hf:{repo}")
        assert same(i2i_zoo.load(f"hf:{repo}", token="hf_secret").generator, model.generator)

    def test_gated_repository(self, hub: Hub, repo: str) -> None:
        hub.repos[repo].gated = True
        with pytest.raises(ZooError, match=f"hf:{repo} is gated"):
            i2i_zoo.load(f"hf:{repo}")

    def test_missing_repository_file_and_revision(self, hub: Hub, repo: str) -> None:
        with pytest.raises(ZooError, match="The Hub has no repository org/missing"):
            i2i_zoo.load("hf:org/missing")
        with pytest.raises(ZooError, match="a/b/c' is not a repository of the Hub"):
            i2i_zoo.load("hf:a/b/c")
        with pytest.raises(ZooError, match=f"hf:{repo} has no revision nowhere"):
            i2i_zoo.load(f"hf:{repo}@nowhere")
        hub.repos[repo].commits[hub.repos[repo].head].pop("discriminators.safetensors")
        with pytest.raises(ZooError, match=rf"hf:{repo} has no discriminators\.safetensors"):
            i2i_zoo.load(f"hf:{repo}", discriminators=True)

    def test_cut_connection_leaves_nothing_half(self, model: Pix2Pix, hub: Hub, repo: str) -> None:
        hub.cut["model.safetensors"] = False
        with pytest.raises(ZooError, match=f"hf:{repo}: the Hub failed: .*503"):
            i2i_zoo.load(f"hf:{repo}")
        hub.cut.clear()
        assert same(i2i_zoo.load(f"hf:{repo}").generator, model.generator)


class TestPush:
    def test_round_trip(self, model: Pix2Pix, hub: Hub) -> None:
        address = i2i_zoo.push(model, "org/pushed", commit_message="First")
        assert address.startswith(f"{hub.url}/org/pushed/commit/")
        assert hub.messages == ["First"]
        assert same(i2i_zoo.load("hf:org/pushed", discriminators=True), model)

    def test_keeps_the_card_that_is_there(self, model: Pix2Pix, hub: Hub) -> None:
        i2i_zoo.push(model, "org/carded")
        repo = hub.repos["org/carded"]
        assert b"library_name: i2i-zoo" in repo.commits[repo.head]["README.md"]
        repo.commit(README__md=b"mine")
        other = tiny()
        assert i2i_zoo.push(other, "org/carded", create_pr=True) == f"{hub.url}/org/carded/discussions/1"
        assert repo.commits[repo.head]["README.md"] == b"mine"
        assert same(i2i_zoo.load("hf:org/carded", discriminators=True), other)

    def test_without_network(self, model: Pix2Pix, hub: Hub) -> None:
        hub.stop()
        with pytest.raises(
            ZooError, match=r"hf:org/pushed: the Hub failed: it cannot be reached \(.+\); check the network"
        ):
            i2i_zoo.push(model, "org/pushed")


def authors_unet(running_statistics: bool = True) -> dict[str, torch.Tensor]:
    """The state dict of a U-Net of width 2 and eight halvings, under the authors' names."""
    state: dict[str, torch.Tensor] = {}

    def norm(name: str, channels: int) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.rand(channels), torch.rand(channels)
        if running_statistics:
            state[f"{name}.running_mean"], state[f"{name}.running_var"] = torch.rand(channels), torch.rand(channels)

    channels = [2, 4, 8, 16, 16, 16, 16, 16]
    state["model.model.0.weight"] = torch.randn(2, 3, 4, 4)
    block = "model.model.1.model"
    for level in range(1, 8):
        innermost = level == 7
        up, up_norm = (3, 4) if innermost else (5, 6)
        state[f"{block}.1.weight"] = torch.randn(channels[level], channels[level - 1], 4, 4)
        if not innermost:
            norm(f"{block}.2", channels[level])
        state[f"{block}.{up}.weight"] = torch.randn(
            (1 if innermost else 2) * channels[level], channels[level - 1], 4, 4
        )
        norm(f"{block}.{up_norm}", channels[level - 1])
        block += ".3.model"
    state["model.model.3.weight"], state["model.model.3.bias"] = torch.randn(4, 3, 4, 4), torch.randn(3)
    return state


def packed(content: Any, **options: Any) -> bytes:
    file = BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


class Malicious:
    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def served(server: FileServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server stand for the authors' host of an entry."""
    entry, official = registry.ENTRIES[name], {}
    for network, url in entry.official.items():
        address, mark, member = url.partition("#")
        official[network] = f"{server.url}/{address.rpartition('/')[2]}{mark}{member}"
    monkeypatch.setitem(registry.ENTRIES, name, replace(entry, official=official))


class TestOfficial:
    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
        """The authors' host, which `pix2pix-facades` is fetched from; an empty cache."""
        with running(FileServer()) as server:
            served(server, "pix2pix-facades", monkeypatch)
            monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
            yield server

    @pytest.mark.parametrize("kind", ["zip", "legacy", "data parallel", "no statistics", "metadata", "nested"])
    def test_fetched_converted_and_kept(
        self, server: FileServer, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        state: Any = authors_unet(running_statistics=kind != "no statistics")
        content = state
        if kind == "data parallel":
            content = {f"module.{key}": tensor for key, tensor in state.items()}
        elif kind == "metadata":
            content = torch.nn.Conv2d(1, 1, 1).state_dict()
            assert content._metadata
            content.clear()
            content.update(state)
        elif kind == "nested":
            content = {"state_dict": state, "epoch": 3}
        server.files["facades_label2photo.pth"] = packed(content, _use_new_zipfile_serialization=kind != "legacy")
        loaded = i2i_zoo.load("pix2pix-facades")
        said = capsys.readouterr()
        assert "BSD" in said.err
        assert "facades_label2photo.pth: 100%" in said.err
        assert said.out == ""
        assert (loaded.hparams.generator, loaded.hparams.width, loaded.hparams.norm) == ("unet_256", 2, "batch")
        assert loaded.preprocess.to_json() == {"size": [256, 256]}
        assert torch.equal(
            loaded.generator.up[7].conv.weight, state["model.model.1.model" + ".3.model" * 6 + ".3.weight"]
        )
        assert sorted(os.listdir(tmp_path / "cache")) == ["pix2pix-facades", "sha256"]
        assert sorted(os.listdir(tmp_path / "cache" / "pix2pix-facades")) == [
            "README.md",
            "config.json",
            "model.safetensors",
        ]
        server.stop()
        assert same(i2i_zoo.load("pix2pix-facades", local_files_only=True), loaded)
        assert capsys.readouterr().err == ""

    def test_cache_dir(self, server: FileServer, tmp_path: Path) -> None:
        server.files["facades_label2photo.pth"] = packed(authors_unet())
        i2i_zoo.load("pix2pix-facades", cache_dir=tmp_path / "mine")
        assert os.listdir(tmp_path) == ["mine"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (packed(Malicious()), "damaged, or holds objects that could run code"),
            (pickle.dumps(Malicious()), "damaged, or holds objects that could run code"),
            (b"<html>moved</html>", "damaged, or holds objects that could run code"),
            (b"", "damaged, or holds objects that could run code"),
            (packed({"model.model.0.weight": 3}), "holds no state dict"),
            (packed({"model.model.0.weight": torch.zeros(2, 3, 4, 4)}), "has no convolution"),
            (packed({**authors_unet(), "more": torch.zeros(1)}), "it has more too"),
            (
                packed({k: v for k, v in authors_unet().items() if k != "model.model.3.bias"}),
                r"missing generator\.up\.0\.conv\.bias",
            ),
        ],
        ids=["code", "bare pickle", "page", "empty", "numbers", "one layer", "one tensor more", "one tensor less"],
    )
    def test_unusable_files_leave_nothing(
        self, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        server.files["facades_label2photo.pth"] = content
        with pytest.raises(
            ZooError, match=f"{server.url}/facades_label2photo.pth served is not a checkpoint: .*{message}"
        ):
            i2i_zoo.load("pix2pix-facades")
        assert os.listdir(tmp_path) == ["cache"]
        assert os.listdir(tmp_path / "cache") == []

    def test_broken_off_download(self, server: FileServer, tmp_path: Path) -> None:
        server.files["facades_label2photo.pth"] = content = packed(authors_unet())
        server.cut.add("facades_label2photo.pth")
        with pytest.raises(ZooError, match=f"broke off after {len(content) // 2} of {len(content)} bytes"):
            i2i_zoo.load("pix2pix-facades")
        assert os.listdir(tmp_path / "cache") == []
        server.cut.clear()
        i2i_zoo.load("pix2pix-facades")

    def test_another_file_than_at_the_first_use(
        self, server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        name, cache = "facades_label2photo.pth", tmp_path / "cache"
        server.files[name] = b"<html>try later</html>"
        with pytest.raises(ZooError, match="served is not a checkpoint"):
            i2i_zoo.load("pix2pix-facades")
        server.files[name] = packed(authors_unet())
        i2i_zoo.load("pix2pix-facades")
        first = hashlib.sha256(server.files[name]).hexdigest()
        (record,) = (cache / "sha256").iterdir()
        assert f"sha256 {first} recorded in {record}; no published checksum is known for {server.url}/{name}" in (
            capsys.readouterr().err
        )
        shutil.rmtree(cache / "pix2pix-facades")
        server.files[name] = packed({key: tensor + 1 for key, tensor in authors_unet().items()})
        with pytest.raises(
            ZooError, match=rf"{name} serves another file .*at first {first}.* delete {record} to accept"
        ):
            i2i_zoo.load("pix2pix-facades")
        assert os.listdir(cache) == ["sha256"]
        record.unlink()
        i2i_zoo.load("pix2pix-facades")

    def test_missing_file_and_no_network(self, server: FileServer) -> None:
        with pytest.raises(ZooError, match=r"facades_label2photo\.pth: the download failed \(Not Found\)"):
            i2i_zoo.load("pix2pix-facades")
        server.stop()
        with pytest.raises(ZooError, match=r"the download failed .*refused"):
            i2i_zoo.load("pix2pix-facades")
        with pytest.raises(ZooError, match="is not in the cache"):
            i2i_zoo.load("pix2pix-facades", local_files_only=True)

    def test_of_one_direction(
        self, server: FileServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        served(server, "cyclegan-style_monet", monkeypatch)
        state = resnet(9)
        norms = {layer: behind(layer) for layer in layers(state)[:-1]}
        server.files["style_monet.pth"] = packed(tracked(state, norms, counters=True))
        loaded = i2i_zoo.load("cyclegan-style_monet")
        assert "the authors of CycleGAN" in capsys.readouterr().err
        assert (loaded.directions, loaded.preprocess.to_json()) == (("ab",), {"size": [256, 256]})
        assert torch.equal(loaded.generator_ab.body[0].weight, state["model.1.weight"])
        assert loaded.translate(torch.zeros(3, 20, 20)).shape == (3, 20, 20)

    def test_of_an_archive(self, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        name, options = "cut-fastcut-horse2zebra", Options("cut", "cut")
        served(server, name, monkeypatch)
        state = options.state("G")
        folder = "checkpoints/horse2zebra_{}_pretrained/latest_net_G.pth"
        server.files["pretrained_models.tar"] = archive(
            (folder.format("cut"), b"other"), (folder.format("fastcut"), packed(state))
        )
        loaded = i2i_zoo.load(name)
        assert torch.equal(loaded.generator_ab.encoder[1][0].weight, state["model.1.weight"])
        assert (loaded.hparams.lambda_nce, loaded.hparams.nce_identity, loaded.hparams.epochs) == (10.0, False, 150)
        assert set(os.listdir(tmp_path / "cache")) == {name, "sha256"}

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"<html>moved</html>", "what came is not an archive"),
            (b"", "what came is not an archive"),
            ("other", "the archive has no file horse2zebra_cut_pretrained/latest_net_G"),
        ],
    )
    def test_archives_that_are_refused_leave_nothing(
        self, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, why: str
    ) -> None:
        served(server, "cut-horse2zebra", monkeypatch)
        server.files["pretrained_models.tar"] = archive(("other", b"other")) if content == "other" else content
        with pytest.raises(
            ZooError, match=rf"#horse2zebra_cut_pre\S+ could not be unpacked \({why}.*\); check the disk"
        ):
            i2i_zoo.load("cut-horse2zebra")
        assert os.listdir(tmp_path / "cache") == []

    def test_adain_in_two_files(self, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        served(server, "adain", monkeypatch)
        encoder, decoder = adain("encoder"), adain("decoder")
        server.files |= {"vgg_normalised.pth": packed(encoder), "decoder.pth": packed(decoder)}
        loaded = i2i_zoo.load("adain")
        assert torch.equal(loaded.encoder.layers[29].bias, encoder["29.bias"])
        assert torch.equal(loaded.decoder.layers[28].weight, decoder["28.weight"])
        picture = torch.rand(3, 32, 32) * 2 - 1
        assert loaded.translate(picture, picture).shape == (3, 32, 32)
        assert set(os.listdir(tmp_path / "cache")) == {"adain", "sha256"}

    def test_of_a_zip(self, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        name = "faststyle-rain-princess"
        served(server, name, monkeypatch)
        state = Options("faststyle", "mosaic").state("G")
        server.files["saved_models.zip?dl=1"] = zipped(
            ("saved_models/", b""),
            ("saved_models/mosaic.pth", b"other"),
            ("../saved_models/rain_princess.pth", b"evil"),
            (link_in_zip("a/saved_models/rain_princess.pth"), b"/etc/passwd"),
            ("saved_models/rain_princess.pth", packed(tracked(state, {"conv1.conv2d": "in1"}, counters=False))),
        )
        loaded = i2i_zoo.load(name)
        assert torch.equal(loaded.generator.body[0].weight, state["conv1.conv2d.weight"])
        assert set(os.listdir(tmp_path / "cache")) == {name, "sha256"}

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("other", "the archive has no file saved_models/mosaic"),
            ("folder", "the archive has no file saved_models/mosaic"),
            ("above", "the archive has no file saved_models/mosaic"),
            ("link", "the archive has no file saved_models/mosaic"),
            ("broken off", "what came is not an archive"),
            ("altered", "Bad CRC-32"),
            ("encrypted", "is encrypted"),
            ("packed oddly", "compression method"),
        ],
    )
    def test_zips_that_are_refused_leave_nothing(
        self, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, why: str
    ) -> None:
        served(server, "faststyle-mosaic", monkeypatch)
        name, whole = "saved_models/mosaic.pth", zipped(("saved_models/mosaic.pth", b"weights"))
        central = whole.index(b"PK\x01\x02")
        server.files["saved_models.zip?dl=1"] = {
            "other": zipped(("saved_models/candy.pth", b"")),
            "folder": zipped((f"{name}/", b"")),
            "above": zipped((f"../{name}", b"")),
            "link": zipped((link_in_zip(name), b"/etc/passwd")),
            "broken off": whole[:-30],
            "altered": whole.replace(b"weights", b"weighty"),
            "encrypted": whole[: central + 8] + b"\x01" + whole[central + 9 :],
            "packed oddly": whole[: central + 10] + b"\x62" + whole[central + 11 :],
        }[content]
        with pytest.raises(ZooError, match=rf"#saved_models/mosaic.pth could not be unpacked \(.*{why}.*\); check the"):
            i2i_zoo.load("faststyle-mosaic")
        assert os.listdir(tmp_path / "cache") == []


def authors_hd() -> dict[str, torch.Tensor]:
    """The state dict of a pix2pixHD generator of width 2 with an enhancer, for Cityscapes, under the authors' names."""
    weights = {
        "model.1": (2, 36, 7, 7),
        "model.4": (4, 2, 3, 3),
        "model.7.conv_block.1": (4, 4, 3, 3),
        "model.7.conv_block.5": (4, 4, 3, 3),
        "model.8": (4, 2, 3, 3),
        "model1_1.1": (1, 36, 7, 7),
        "model1_1.4": (2, 1, 3, 3),
        "model1_2.0.conv_block.1": (2, 2, 3, 3),
        "model1_2.0.conv_block.5": (2, 2, 3, 3),
        "model1_2.1": (2, 1, 3, 3),
        "model1_2.5": (3, 1, 7, 7),
    }
    state = {f"{name}.weight": torch.randn(shape) for name, shape in weights.items()}
    transposed = ("model.8", "model1_2.1")
    return state | {f"{name}.bias": torch.randn(s[name in transposed]) for name, s in weights.items()}


def archive(*members: tuple[str | tarfile.TarInfo, bytes]) -> bytes:
    """A tar.gz of these members; a name alone is one of a plain file."""
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    return file.getvalue()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip of these members, not compressed; a name alone is one of a plain file or, with a slash behind, a folder."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member, content in members:
            archive.writestr(member, content)
    return file.getvalue()


def link_in_zip(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def link(name: str, kind: bytes, target: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


class Drive(ModuleType):
    """In the place of `gdown`, whose server cannot be local: gives ``content``, or raises ``error``."""

    def __init__(self) -> None:
        super().__init__("gdown")
        self.content = b""
        self.error: Exception | None = None
        self.asked: list[str] = []

    def download(self, *, id: str, output: str) -> str:
        self.asked.append(id)
        if self.error:
            raise self.error
        Path(output).write_bytes(self.content)
        return output

    def download_folder(self, *, id: str, output: str) -> list[str]:
        """A folder that holds ``edges2shoes.pt`` if there is content."""
        os.mkdir(output)
        path = Path(output, "edges2shoes.pt" if self.content else "other.pt")
        return [self.download(id=id, output=str(path))]


class TestDrive:
    name = "pix2pixhd-cityscapes"
    member = "tiny_pretrained/latest_net_G.pth"

    @pytest.fixture
    def drive(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Drive:
        """Google Drive; an empty cache."""
        drive = Drive()
        monkeypatch.setitem(sys.modules, "gdown", drive)
        monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
        monkeypatch.chdir(tmp_path)
        return drive

    @pytest.fixture
    def in_archive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The entry's file is within an archive."""
        entry = registry.ENTRIES[self.name]
        official = {"generator": f"{entry.official['generator']}#{self.member}"}
        monkeypatch.setitem(registry.ENTRIES, self.name, replace(entry, official=official))

    def test_fetched_converted_and_kept(
        self, drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        state = authors_hd()
        drive.content = packed(state)
        loaded = i2i_zoo.load(self.name)
        assert drive.asked == ["1OR-2aEPHOxZKuoOV34DvQxreqGCSLcW9"]
        assert "BSD licence" in capsys.readouterr().err
        assert (loaded.hparams.labels, loaded.hparams.enhancers, loaded.hparams.width) == (35, 1, 2)
        assert loaded.preprocess.to_json() == {"size": [1024, 2048], "source_palette": "cityscapes"}
        assert torch.equal(loaded.generator.head.weight, state["model1_2.5.weight"])
        assert loaded.translate(torch.zeros(32, 32, dtype=torch.long)).shape == (3, 32, 32)
        assert os.listdir(tmp_path) == ["cache"]
        assert set(os.listdir(tmp_path / "cache")) == {self.name, "sha256"}
        monkeypatch.setitem(sys.modules, "gdown", None)
        assert same(i2i_zoo.load(self.name, local_files_only=True), loaded)

    @pytest.mark.parametrize("prefix", ["", "./", "checkpoints/"])
    def test_of_an_archive(self, drive: Drive, in_archive: None, tmp_path: Path, prefix: str) -> None:
        state = authors_hd()
        others = [(f"{prefix}other_pretrained/latest_net_G.pth", b"other"), ("../evil", b"evil"), ("/evil", b"evil")]
        drive.content = archive(*others, (f"{prefix}{self.member}", packed(state)), ("more", b"more"))
        loaded = i2i_zoo.load(self.name)
        assert torch.equal(loaded.generator.head.weight, state["model1_2.5.weight"])
        assert os.listdir(tmp_path) == ["cache"]
        assert set(os.listdir(tmp_path / "cache")) == {self.name, "sha256"}
        assert not Path("/evil").exists()

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (
                archive(("../tiny_pretrained/latest_net_G.pth", packed(authors_hd()))),
                "the archive has no file tiny_pre",
            ),
            (archive(("tiny_pretrained/../tiny_pretrained/latest_net_G.pth", b"")), "the archive has no file tiny_pre"),
            (archive((link("tiny_pretrained/latest_net_G.pth", tarfile.SYMTYPE), b"")), "the archive has no file"),
            (archive((link("tiny_pretrained/latest_net_G.pth", tarfile.LNKTYPE), b"")), "the archive has no file"),
            (archive((link("tiny_pretrained/latest_net_G.pth", tarfile.FIFOTYPE), b"")), "the archive has no file"),
            (archive(("not_tiny_pretrained/latest_net_G.pth", packed(authors_hd()))), "the archive has no file"),
            (archive(), "the archive has no file"),
            (archive(("tiny_pretrained/latest_net_G.pth", packed(authors_hd())))[:-1000], "ended before"),
            (packed(authors_hd()), "the archive has no file"),
            (b"<html>too many accesses</html>", "what came is not an archive"),
            (b"", "what came is not an archive"),
        ],
        ids=[
            *(
                "above",
                "around",
                "symbolic link",
                "hard link",
                "pipe",
                "another name",
                "nothing",
                "broken off",
                "no tar",
            ),
            *("page", "empty"),
        ],
    )
    def test_archives_that_are_refused_leave_nothing(
        self, drive: Drive, in_archive: None, tmp_path: Path, content: bytes, why: str
    ) -> None:
        drive.content = content
        with pytest.raises(
            ZooError, match=rf"could not be fetched from Google Drive \(.*{why}.*\): try again later, or"
        ):
            i2i_zoo.load(self.name)
        assert os.listdir(tmp_path) == ["cache"]
        assert os.listdir(tmp_path / "cache") == []

    def test_objects_are_not_unpickled(self, drive: Drive, tmp_path: Path) -> None:
        drive.content = packed(Malicious())
        with pytest.raises(
            ZooError, match=r"drive\.google\.com.* served is not a checkpoint: .*objects that could run code"
        ):
            i2i_zoo.load(self.name)
        assert os.listdir(tmp_path) == ["cache"]
        assert os.listdir(tmp_path / "cache") == []

    def test_without_network(self, drive: Drive) -> None:
        drive.error = OSError("HTTPSConnectionPool(host='drive.google.com', port=443): Max retries exceeded")
        with pytest.raises(ZooError, match=r"fetched from Google Drive \(the server cannot be reached\): try again"):
            i2i_zoo.load(self.name)

    def test_without_gdown(self, drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "gdown", None)
        with pytest.raises(ZooError) as caught:
            i2i_zoo.load("spade-coco")
        assert str(caught.value) == (
            "spade-coco could not be fetched from Google Drive (gdown is not installed): pip install "
            "gdown and try again, or get coco_pretrained/latest_net_G.pth out of "
            "https://drive.google.com/open?id=12gvlTbMvUcJewQlSEaZdeb2CdOB-b8kQ with a browser, run "
            f"`i2i-zoo convert spade coco_pretrained/latest_net_G.pth -o {tmp_path}/cache/spade-coco` and load "
            "spade-coco again."
        )
        assert os.listdir(tmp_path / "cache") == []

    def test_imported_by_hand(self, drive: Drive, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        drive.error = RuntimeError("\nToo many users have viewed or downloaded this file recently.\nCheck FAQ.")
        with pytest.raises(
            ZooError, match=r"\(Too many users .* recently\): try again later, or get FILE out of"
        ) as caught:
            i2i_zoo.load(self.name)
        assert "\n" not in str(caught.value)
        (command,) = re.findall("`i2i-zoo (.+)`", str(caught.value))
        Path("FILE").write_bytes(packed(authors_hd()))
        assert main(shlex.split(command)) == 0
        loaded = i2i_zoo.load(self.name, local_files_only=True)
        assert loaded.preprocess.to_json() == registry.ENTRIES[self.name].preprocess
        assert (loaded.hparams.labels, loaded.hparams.enhancers) == (35, 1)
        assert len(drive.asked) == 1

    def test_a_folder(self, drive: Drive, tmp_path: Path) -> None:
        states = {domain: Golden("munit_train").state(f"gen_{domain}") for domain in "ab"}
        drive.content = packed(states)
        loaded = i2i_zoo.load("munit-edges2shoes")
        assert drive.asked == ["10IEa7gibOWmQQuJUIUOkh-CV4cm6k8__"]
        assert torch.equal(loaded.autoencoder_b.style_encoder[0].weight, states["b"]["enc_style.model.0.conv.weight"])
        assert loaded.translate(torch.zeros(3, 32, 32), direction="ba", seed=1).shape == (3, 32, 32)
        assert set(os.listdir(tmp_path / "cache")) == {"munit-edges2shoes", "sha256"}

    def test_a_folder_without_the_file(self, drive: Drive, tmp_path: Path) -> None:
        with pytest.raises(ZooError) as caught:
            i2i_zoo.load("munit-edges2shoes")
        assert str(caught.value) == (
            "munit-edges2shoes could not be fetched from Google Drive (the folder has no file edges2shoes.pt): try "
            "again later, or get edges2shoes.pt out of "
            "https://drive.google.com/open?id=10IEa7gibOWmQQuJUIUOkh-CV4cm6k8__ with a browser, run `i2i-zoo convert "
            f"munit edges2shoes.pt -o {tmp_path}/cache/munit-edges2shoes` and load munit-edges2shoes again."
        )
        assert os.listdir(tmp_path / "cache") == []

    def test_both_domains_in_a_file(self, drive: Drive) -> None:
        drive.content = packed({domain: Golden("unit_train").state(f"gen_{domain}") for domain in "ab"})
        loaded = i2i_zoo.load("unit-gta2city")
        assert (loaded.hparams.version, loaded.hparams.lambda_perceptual) == (2018, 1.0)
        assert loaded.preprocess.to_json() == {"size": [512, 932]}

    def test_what_the_tensors_do_not_tell_is_known_of_a_file_imported_by_hand(
        self, drive: Drive, tmp_path: Path
    ) -> None:
        drive.content = packed(Options("unit", "animals").state("gen"))
        fetched = i2i_zoo.load("unit-cat2tiger", cache_dir=tmp_path / "fetched")
        assert fetched.hparams.norm == "instance"
        drive.error = RuntimeError("Cannot retrieve the public link of the file.")
        with pytest.raises(ZooError) as caught:
            i2i_zoo.load("unit-cat2tiger")
        (command,) = re.findall("`i2i-zoo (.+)`", str(caught.value))
        Path("FILE").write_bytes(drive.content)
        assert main(shlex.split(command)) == 0
        loaded = i2i_zoo.load("unit-cat2tiger")
        assert loaded.hparams == fetched.hparams
        picture = torch.rand(3, 32, 32)
        assert torch.equal(loaded.translate(picture), fetched.translate(picture))

    def test_of_an_archive_whose_files_nobody_has_told(self, drive: Drive, tmp_path: Path) -> None:
        name = "gcgan-cityscapes"
        with pytest.raises(ZooError) as caught:
            i2i_zoo.load(name)
        assert str(caught.value) == (
            f"{name} could not be fetched from Google Drive (the registry does not name its file in the archive): "
            "get FILE out of https://drive.google.com/open?id=1k5kDCFLuIgBz9WpC1DZKUbJebd8MREFq with a browser, run "
            f"`i2i-zoo convert gcgan FILE -o {tmp_path}/cache/{name}` and load {name} again."
        )
        assert drive.asked == []
        Path("FILE").write_bytes(packed(resnet(6)))
        assert main(["convert", "gcgan", "FILE", "-o", f"cache/{name}"]) == 0
        loaded = i2i_zoo.load(name, local_files_only=True)
        assert (loaded.hparams.generator, loaded.hparams.lambda_identity) == ("resnet_6", 3.0)
        assert loaded.preprocess.to_json() == {"size": [144, 144], "source_palette": "cityscapes"}


def test_the_client_asks_the_local_server() -> None:
    assert os.environ["HF_ENDPOINT"] == constants.ENDPOINT
