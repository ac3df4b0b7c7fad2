"""Every recipe as it is: its data section builds data for its method, and a step trains, on narrow networks."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import yaml
from torchvision.models import get_model, get_model_weights

from i2i_zoo.cli.recipes import import_recipe_classes
from i2i_zoo.cli.training import Parser, TrainingCLI
from i2i_zoo.pretrained.backbones import pretrained_features
from methods.base import MethodTester
from methods.every import by_method

RECIPES = Path(__file__).parents[1] / "recipes"
#: A method of its parser that jsonargparse has renamed; versions before do not know the new name.
pytestmark = pytest.mark.filterwarnings(r"ignore:\s*(By default only one Jsonargparse|``instantiate_classes`` was)")

every_recipe = pytest.mark.parametrize(
    "path", sorted(RECIPES.rglob("*.yaml")), ids=lambda path: str(path.relative_to(RECIPES))
)


def read(path: Path) -> tuple[dict[str, Any], type[MethodTester], dict[str, Any]]:
    """A recipe, the tester of its method, and all its hyper-parameters."""
    recipe = yaml.safe_load(path.read_text())
    method = recipe["model"]["class_path"]
    testers = {tester.method.__name__: tester for tester in by_method().values()}
    assert method in testers, f"{path}: no tester of tests/methods/ with `narrow` is of the method {method}"
    tester = testers[method]
    signature = inspect.signature(tester.method.__init__).parameters.values()
    defaults = {parameter.name: parameter.default for parameter in signature if parameter.name != "self"}
    return recipe, tester, defaults | recipe["model"].get("init_args", {})


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Random weights of the classifiers whose features losses compare, where torch keeps what it has fetched."""
    folder = tmp_path_factory.mktemp("torch")
    (folder / "checkpoints").mkdir()
    torch.manual_seed(0)
    for name in ("vgg16", "vgg19"):
        with torch.device("meta"):
            shapes = get_model(name).features.state_dict()
        weights = {f"features.{key}": torch.randn(meta.shape) * 0.05 for key, meta in shapes.items()}
        torch.save(weights, folder / "checkpoints" / get_model_weights(name).DEFAULT.url.rpartition("/")[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.hub, "get_dir", lambda: str(folder))
        pretrained_features.cache_clear()
        yield
        pretrained_features.cache_clear()


@every_recipe
@pytest.mark.usefixtures("backbones", "hed")
def test_recipe_trains_a_step(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, tester, hparams = read(path)
    options = {
        **{f"model.{name}": value for name, value in tester.narrow.items()},
        **{"data": tester.rendered, "data.train": 1, "data.val": 1},
        **{f"data.{key}": hparams.get(key, 3) for key in tester.rendered_channels},
        **{"trainer.fast_dev_run": True, "trainer.accelerator": "cpu"},
        **{"trainer.enable_progress_bar": False, "trainer.enable_model_summary": False},
        **tester.recipe_options(hparams | tester.narrow, tmp_path),
    }
    run = TrainingCLI("fit", [f"--config={path}", *(f"--{key}={value}" for key, value in options.items())], "run")
    assert run.trainer.global_step == 1
    # What the recipe says is used, apart from widths and the files that are not here.
    files = {key.removeprefix("model."): str(value) for key, value in options.items() if key.startswith("model.")}
    used = {name: run.model.hparams[name] for name in hparams}
    assert json.loads(json.dumps(used)) == json.loads(json.dumps(hparams | files | tester.narrow))


@every_recipe
def test_recipe_names_data_for_its_method(path: Path) -> None:
    """The data class takes the options, and its batches hold what the method trains on, in as many channels."""
    recipe, tester, hparams = read(path)
    import_recipe_classes()
    parser = Parser()
    parser.add_lightning_class_args(L.LightningDataModule, "data", subclass_mode=True)
    data = parser.instantiate_classes(parser.parse_object({"data": recipe["data"]})).data
    assert type(data).__name__ == recipe["data"]["class_path"]
    assert set(tester.method.batch_keys) <= set(data.batch_keys)
    for key in ("in_channels", "out_channels", "labels"):
        if hasattr(data, key) and key in hparams and not isinstance(getattr(data, key), str | None):
            assert getattr(data, key) == hparams[key]
    with torch.device("meta"):
        model = tester.method(**hparams)
    model.adopt(data.preprocess)
