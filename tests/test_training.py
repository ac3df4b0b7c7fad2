from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse import Namespace
from PIL import Image
from safetensors.torch import load_file

import i2i_zoo
import tiny
from i2i_zoo.cli.main import main
from i2i_zoo.cli.recipes import find_recipes, run_name
from i2i_zoo.cli.trainer_options import check_cpu_processes, several_devices
from i2i_zoo.cli.training import TrainingCLI
from i2i_zoo.data.rendered.streets import render_scene
from i2i_zoo.devices import find_devices
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import height_width


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def recipe(**sections: dict) -> str:
    """A configuration file with the tiny run, and with more in its sections."""
    config = {
        "trainer": {"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False},
        "model": {"class_path": "Pix2Pix", "init_args": {"generator": "unet_64", "width": 4, "discriminator_width": 4}},
        "data": {"class_path": "SyntheticPairs", "init_args": {"train": 4, "val": 2, "test": 2, "size": 64}},
    }
    for section, values in sections.items():
        part = config[section]
        part.get("init_args", part).update(values)
    Path("scenes.yaml").write_text(yaml.safe_dump(config))
    return "--config=scenes.yaml"


def equal(a, b) -> bool:
    return all(torch.equal(value, b[key]) for key, value in a.items())


def test_fit_leaves_pictures_checkpoint_and_a_model_to_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", recipe(), "--data.direction", "BtoA"]) == 0
    run = Path("runs/scenes/version_0")
    assert {path.name for path in run.iterdir()} >= {"config.yaml", "checkpoints", "samples", "model"}
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["last.ckpt"]
    model = i2i_zoo.load(run / "model")
    assert model.preprocess.to_json() == tiny.data(direction="BtoA").preprocess.to_json()
    assert json.loads((run / "model" / "config.json").read_text())["hparams"]["width"] == 4
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert equal({f"generator.{k}": v for k, v in model.generator.state_dict().items()}, state)
    assert f"i2i-zoo translate {run / 'model'}" in capsys.readouterr().out


def test_fit_says_where_another_precision_is_faster(capsys: pytest.CaptureFixture[str]) -> None:
    flags = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else set()
    can_tell = hasattr(torch.cpu, "get_capabilities") and "avx2" in flags
    bf16 = bool(flags & {"avx512_bf16", "amx_bf16"})
    for option, faster in (("null", "bf16-mixed"), ("32-true", ""), ("bf16-mixed", "32-true")):
        main(["fit", recipe(), f"--trainer.precision={option}", "--trainer.limit_val_batches=0"])
        told = can_tell and faster == ("bf16-mixed" if bf16 else "32-true")
        assert (f"--trainer.precision {faster or 'X'}" in capsys.readouterr().out) == told, option


def test_last_continues_in_the_same_folder_and_the_command_line_beats_the_checkpoint() -> None:
    main(["fit", recipe()])
    args = [recipe(), "--ckpt_path=last", "--trainer.max_epochs=3", "--model.lambda_l1=7"]
    cli = TrainingCLI("fit", args, "scenes")
    assert cli.trainer.current_epoch == 3
    assert cli.trainer.global_step == 12
    assert cli.model.hparams.lambda_l1 == 7
    assert [path.name for path in Path("runs/scenes").iterdir()] == ["version_0"]
    assert [path.name for path in Path("runs/scenes/version_0/checkpoints").iterdir()] == ["last.ckpt"]


def test_last_without_a_run_starts_one_or_says_that_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", recipe(), "--ckpt_path=last"]) == 1
    assert (
        "runs/scenes: no run has left a checkpoint here; give the path of one to --ckpt_path" in capsys.readouterr().err
    )
    assert main(["fit", recipe(), "--ckpt_path=last"]) == 0
    assert "starts from the beginning" in capsys.readouterr().out
    assert Path("runs/scenes/version_0/checkpoints/last.ckpt").exists()


@pytest.mark.slow
def test_a_dead_data_worker_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    def kill() -> None:
        while not (workers := multiprocessing.active_children()):
            time.sleep(0.01)
        os.kill(workers[0].pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    many = ["--data.train=100000", "--data.num_workers=1", "--trainer.limit_val_batches=0"]
    assert main(["fit", recipe(), *many]) == 1
    thread.join()
    *_, last = capsys.readouterr().err.splitlines()
    assert re.match(r"i2i-zoo: DataLoader worker \(pid.*\).*: most often the memory was full, so use fewer", last)


def test_a_broken_file_met_by_a_data_worker_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "val"):
        Path("data", split).mkdir(parents=True)
        Image.fromarray(render_scene(0, (64, 128))[1]).save(f"data/{split}/0.png")
    file = Path("data/train/0.png")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255  # begins and ends as a picture does
    file.write_bytes(content)
    data = {"class_path": "PairedData", "init_args": {"root": "data", "num_workers": 1}}
    configuration = yaml.safe_load(Path(recipe().partition("=")[2]).read_text()) | {"data": data}
    Path("scenes.yaml").write_text(yaml.safe_dump(configuration))
    assert main(["fit", "--config=scenes.yaml"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("i2i-zoo: ")]
    assert len(errors) == 1
    assert f"{file}: the picture cannot be read" in errors[0]
    assert "Traceback" not in errors[0]


def test_the_best_checkpoint_is_the_model_and_callbacks_of_a_recipe_join_the_usual_ones() -> None:
    callbacks = [
        {"class_path": "EMA", "init_args": {"decay": 0.5}},
        {"class_path": "EarlyStopping", "init_args": {"monitor": "val/l1", "patience": 0, "min_delta": 9.0}},
        {
            "class_path": "ModelCheckpoint",
            "init_args": {"monitor": "val/l1", "auto_insert_metric_name": False, "filename": "best"},
        },
    ]
    cli = TrainingCLI("fit", [recipe(trainer={"callbacks": callbacks, "max_epochs": 9})], "scenes")
    assert cli.trainer.current_epoch == 2  # stopped early
    assert {type(callback).__name__ for callback in cli.trainer.callbacks} >= {"Samples", "Evaluation", "EMA"}
    run = Path("runs/scenes/version_0")
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    weights = load_file(run / "model" / "model.safetensors")
    average = {f"generator.{key}": value for key, value in best["ema"]["generator"].items()}
    assert equal(average, weights)
    assert any(not torch.equal(best["state_dict"][key], value) for key, value in weights.items())


def test_ema_without_a_best_checkpoint_ends_in_the_model() -> None:
    main(["fit", recipe(trainer={"callbacks": [{"class_path": "EMA", "init_args": {"decay": 0.5}}]})])
    run = Path("runs/scenes/version_0")
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    weights = load_file(run / "model" / "model.safetensors")
    assert equal({f"generator.{key}": value for key, value in last["ema"]["generator"].items()}, weights)


def test_fine_tuning_starts_from_generator_and_discriminator() -> None:
    torch.manual_seed(3)
    model = tiny.model()
    model.configure_model()
    i2i_zoo.save(model, "start")
    still = [recipe(), "--model.lr=0", "--init_from=start"]
    cli = TrainingCLI("fit", still, "scenes")
    parameters = dict(cli.model.named_parameters())
    assert {name.partition(".")[0] for name in parameters} == {"generator", "discriminator"}
    assert equal(dict(model.named_parameters()), parameters)

    # A resumed run goes on from its own weights.
    i2i_zoo.save(tiny.model(width=8), "start")
    assert main(["fit", *still, "--ckpt_path=last", "--trainer.max_epochs=2"]) == 0


def test_compile_compiles_both_networks_and_keeps_their_names() -> None:
    nothing = ["--trainer.max_epochs=0", "--trainer.limit_val_batches=0"]  # compiling takes its time
    cli = TrainingCLI("fit", [recipe(), "--compile=true", *nothing], "scenes")
    assert cli.model.generator._compiled_call_impl is not None
    assert cli.model.discriminator._compiled_call_impl is not None
    assert set(cli.model.generator.state_dict()) == set(tiny.model().generator.state_dict())


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--trainer.accumulate_grad_batches=2"], "use a larger --data.batch_size"),
        (["--trainer.gradient_clip_val=1"], "use the callback ClipGradients"),
        (["--ckpt_path=nothing.ckpt"], "nothing.ckpt"),
        (["--config=nothing.yaml"], "nothing.yaml: there is no such file"),
        (["--trainer.limit_val_batches=-3"], "limit_val_batches"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(args, sentence, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", recipe(), *args]) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("i2i-zoo: ")
    assert sentence in last
    assert not Path("runs/scenes/version_0/checkpoints").exists()


@pytest.mark.parametrize("args", [["--model.width=wide"], ["--nothing=1"], ["--model.nothing=1"], ["--model=Nothing"]])
def test_wrong_arguments_are_one_line(args, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", recipe(), *args]) == 1
    error = capsys.readouterr().err
    assert error.startswith("i2i-zoo: ")
    assert error.count("\n") == 1


def test_validate_test_and_predict_with_a_checkpoint() -> None:
    main(["fit", recipe()])
    with_last = [recipe(), "--ckpt_path=last"]
    for verb, stage in {"validate": "val", "test": "test"}.items():
        metrics = TrainingCLI(verb, with_last, "scenes").trainer.callback_metrics
        assert set(metrics) == {f"{stage}/psnr", f"{stage}/ssim", f"{stage}/l1"}
    assert main(["predict", *with_last]) == 0
    assert len(list(Path("runs/scenes/predictions").glob("*.png"))) == 2
    assert [path.name for path in Path("runs/scenes").glob("version_*")] == ["version_0"]

    # By the name of a checkpoint, its weights and not the configuration's.
    by_path = TrainingCLI("test", with_last, "scenes").trainer.callback_metrics
    by_name = TrainingCLI("test", [recipe()], "scenes", "runs/scenes/version_0/model").trainer.callback_metrics
    assert by_name == by_path


def test_recipes_are_found_by_their_name_from_anywhere() -> None:
    args = ["-c", "pix2pix/camvid", "--config=recipes/pix2pix/camvid.yaml", "--seed_everything", "1"]
    found = find_recipes(args)
    assert [path.name for path in found] == ["camvid.yaml", "camvid.yaml"]
    assert args == ["-c", str(found[0]), f"--config={found[1]}", "--seed_everything", "1"]
    assert run_name(found[0]) == "pix2pix-camvid"
    assert run_name(Path("recipes/pix2pix/ablation/l1.yaml")) == "pix2pix-ablation-l1"
    assert run_name(Path("/somewhere/mine.yaml")) == "mine"
    with pytest.raises(ZooError, match="pix2pix/nothing"):
        find_recipes(["--config", "pix2pix/nothing"])


@pytest.mark.parametrize(
    ("devices", "nodes", "several"),
    [(1, 1, False), ("1", 1, False), ([3], 1, False), ("0,", 1, False), (2, 1, True), ("2", 1, True), ("0,1", 1, True),
     ([0, 1], 1, True), (1, 2, True)],
)  # fmt: skip
def test_several_devices(devices, nodes, several) -> None:
    assert several_devices(Namespace(devices=devices, num_nodes=nodes, accelerator="gpu")) == several


@pytest.mark.parametrize(
    "trainer", [Namespace(devices="100000", num_nodes=1), Namespace(devices=list(range(100_000)), num_nodes=1)]
)
def test_more_processes_than_cores(trainer) -> None:
    trainer.accelerator = "cpu"
    with pytest.raises(ZooError, match=r"^--trainer.devices 100000: each process needs a core of the CPU"):
        check_cpu_processes(trainer)
    with pytest.raises(ZooError, match=r"^--devices 100000: each process needs a core of the CPU"):
        find_devices("cpu", 100_000)


@pytest.mark.slow
def test_two_processes_of_torchrun_train_as_one_does_on_the_joined_batch() -> None:
    options = {"norm": "instance", "dropout": False}
    config = recipe(model=options, data={"train": 6, "val": 3}, trainer={"precision": "64-true", "max_epochs": 2})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "i2i_zoo"]
    devices = ["--trainer.devices=2", "--trainer.default_root_dir=two"]
    result = subprocess.run([*launch, "fit", config, *devices], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert main(["fit", config, "--data.batch_size=2", "--trainer.default_root_dir=one"]) == 0
    two, one = (
        torch.load(f"{root}/scenes/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for root in ("two", "one")
    )
    assert two.keys() == one.keys()
    for key, value in one.items():
        assert value.dtype == torch.float64
        torch.testing.assert_close(two[key], value, rtol=1e-6, atol=1e-7)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, to which a checkpoint is added as anyone would: an entry, a recipe, a card."""
    root = Path(__file__).parents[1]
    shutil.copytree(root / "src", tmp_path / "copy/src", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    package = tmp_path / "copy/src/i2i_zoo"
    with open(package / "registry/entries/pix2pix.py", "a") as entries:
        entries.write(
            'ENTRIES += (Entry(name="pix2pix-tiny", method="pix2pix", dataset="Rendered Scenes", '
            'description="labels to scene", license="mit", license_notice="", origin="trained", bundled=True),)\n'
        )
    recipe()
    (tmp_path / "copy/recipes/pix2pix").mkdir(parents=True)
    Path("scenes.yaml").rename(tmp_path / "copy/recipes/pix2pix/tiny.yaml")
    i2i_zoo.save(tiny.model(), package / "checkpoints/pix2pix-tiny")
    Image.fromarray(render_scene(0, (64, 64))[1]).save(package / "checkpoints/pix2pix-tiny/example.png")
    card = tmp_path / "copy/model_cards/pix2pix-tiny.md"
    card.parent.mkdir()
    card.write_text("---\nlicense: mit\nlibrary_name: i2i-zoo\n---\n\n# tiny\n\nA card.\n")
    return tmp_path / "copy"


@pytest.mark.slow
def test_numbers_of_a_checkpoint_go_into_its_card_and_it_translates_its_example(copy: Path) -> None:
    environment = {"PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}

    def run(*args: str) -> str:
        command = [sys.executable, "-m", "i2i_zoo", *args]
        result = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert "test/psnr" in run("test", "pix2pix-tiny", "--card", "--data.test", "3")
    card = (copy / "model_cards/pix2pix-tiny.md").read_text()
    front, body = card.removeprefix("---\n").split("---\n", 1)
    assert body == "\n# tiny\n\nA card.\n"
    front = yaml.safe_load(front)
    assert list(front)[:2] == ["license", "library_name"]
    (model,) = front["model-index"]
    (result,) = model["results"]
    assert result["dataset"] == {"name": "Rendered Scenes", "type": "rendered-scenes", "split": "test"}
    assert {metric["type"] for metric in result["metrics"]} == {"psnr", "ssim", "l1"}
    assert result["source"]["name"] == "i2i-zoo test pix2pix-tiny --card --data.test 3"

    out = run("translate", "pix2pix-tiny")
    assert "pix2pix-tiny.png" in out
    assert height_width(Path("translated/pix2pix-tiny.png")) == (64, 64)
    assert height_width(Path("translated/pix2pix-tiny-beside.png")) == (64, 128)


def test_a_log_has_one_line_for_each_epoch_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *tiny.ARGS, "--trainer.max_epochs=2"]) == 0
    out = capsys.readouterr().out
    assert [line.partition(",")[0] for line in out.splitlines() if line.startswith("epoch ")] == ["epoch 1", "epoch 2"]
    assert "\r" not in out
    assert "it/s" not in out


def test_an_untrained_model_is_named_so(capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", recipe()])
    assert "untrained" not in capsys.readouterr().err
    for verb in ("validate", "test", "predict"):
        assert main([verb, recipe()]) == 0
        sentence = "No checkpoint is given, so this is an untrained model: give --ckpt_path FILE, or i2i-zoo "
        assert f"{sentence}{verb} NAME.\n" in capsys.readouterr().err
        assert main([verb, recipe(), "--ckpt_path=last"]) == 0
        assert main([verb, "runs/scenes/version_0/model", recipe()]) == 0
        assert "untrained" not in capsys.readouterr().err
