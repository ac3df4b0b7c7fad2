from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.convert import faststyle as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.style import total_variation
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.pictures import read_picture, to_pil
from i2i_zoo.methods.faststyle import FastStyle
from methods.authors import Options, Places, Steps, authors_model
from methods.base import InstanceNormTester, MethodTester, fit

pytestmark = pytest.mark.usefixtures("vgg16")


def contents(size: tuple[int, int] = (32, 48), batch_size: int = 2) -> dict[str, Any]:
    random = torch.Generator().manual_seed(1)
    content = torch.rand(batch_size, 3, *size, generator=random) * 2 - 1
    return {"content": content, "name": ["a", "b", "c", "d"][:batch_size]}


@pytest.fixture
def style(tmp_path: Path) -> str:
    colours = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / "style.png")
    return str(tmp_path / "style.png")


class OneStyleTester(MethodTester):
    """A tester for methods that learn the style of one picture."""

    size = (32, 48)

    @pytest.fixture(autouse=True)
    def with_style(self, style: str) -> None:
        self.tiny = {**self.tiny, "style": style}  # type: ignore[misc]

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        return contents(size, batch_size)

    @pytest.mark.parametrize("size", [(64, 64), (64, 128), (50, 70), (1, 1)])
    def test_translate_keeps_the_size(self, model: Any, size: tuple[int, int]) -> None:
        model.eval()
        output = model.translate(self.batch(size)["content"])
        assert output.shape == (2, 3, *size)
        assert output.abs().max() <= 1
        assert torch.isfinite(output).all()
        assert model.translate(Image.new("RGB", size[::-1], "red")).size == size[::-1]

    def test_neighbours_in_the_batch_do_not_matter(self, model: Any) -> None:
        model.eval()
        content = self.batch(self.size)["content"]
        torch.testing.assert_close(model.translate(content)[0], model.translate(content[0]), rtol=0, atol=1e-5)

    def test_a_validation_step_measures_what_it_shows(self, model: Any) -> None:
        model.eval()
        batch = self.batch(self.size)
        outputs = model.validation_step(batch, 0)
        torch.testing.assert_close(outputs["output"], model.translate(batch["content"]))
        assert [panel.shape for panel in model.panels(outputs)] == [batch["content"].shape] * 2
        for name, distance in model.style_distances(batch["content"], outputs["output"]).items():
            assert distance.item() > 0
            torch.testing.assert_close(outputs[name], distance)


class TestFastStyle(InstanceNormTester, OneStyleTester):
    method = FastStyle
    narrow: ClassVar = {"width": 4}
    tiny: ClassVar = narrow | {"lambda_tv": 1.0}

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        Image.new("RGB", (16, 16), "red").save(folder / "style.png")
        return {"data.size": 64, "model.style": folder / "style.png"}


class TestBatchNorm(InstanceNormTester, OneStyleTester):
    method = FastStyle
    tiny: ClassVar = {"width": 4, "norm": "batch", "style_size": 20}


def test_two_steps_are_the_authors(tmp_path: Path) -> None:
    options = Options("faststyle", "mosaic")
    states = {"generator": options.state("G")}
    save_picture(to_pil(options.input("style", "image", 3)[0]), tmp_path / "style.png")
    model = authors_model(FastStyle, convert.read, states, style=str(tmp_path / "style.png"))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    content = options.input("content", "image", 3)
    with torch.no_grad():
        colours = (model(content)[..., ::2, ::2] + 1) * 127.5
    assert colours.std() > 20
    np.testing.assert_allclose(colours, options.stored["fake1"], rtol=0, atol=1e-5 * 255)
    steps = Steps(("generator/content", "generator/style"))
    fit(model, {"content": content}, steps=2, callbacks=[steps])
    np.testing.assert_allclose(steps.losses[0], options.stored["losses"][0], rtol=1e-5)
    options.check(Places(convert.read, states), steps, before, {"G": "generator"})


def test_a_style_is_needed_and_read_before_the_first_step(tmp_path: Path, style: str) -> None:
    with pytest.raises(ZooError, match=r"FastStyle learns the style of one picture: give its file, --model\.style"):
        fit(FastStyle(width=2), contents())
    with pytest.raises(ZooError, match=r"none\.png"):
        fit(FastStyle(width=2, style=str(tmp_path / "none.png")), contents())
    Path(style).write_bytes(Path(style).read_bytes()[:100])
    with pytest.raises(ZooError, match=r"style\.png"):
        fit(FastStyle(width=2, style=style), contents())


def test_the_losses_are_metrics_and_training_goes_on_after_them(style: str) -> None:
    torch.manual_seed(0)
    model, batch = FastStyle(width=2, style=style), contents((20, 30))
    run = L.Trainer(accelerator="cpu", logger=False, callbacks=[Evaluation()], enable_progress_bar=False)
    (found,) = run.validate(model, DataLoader([0], collate_fn=lambda _: batch), verbose=False)
    with torch.no_grad():
        expected = model.style_distances(batch["content"], model.eval().translate(batch["content"]))
    assert found == pytest.approx({f"val/{name}": float(value) for name, value in expected.items()})
    model.train()
    assert fit(model, batch).losses[0]["train/generator/style"] > 0


def test_without_its_style_a_model_is_judged_by_the_content() -> None:
    model, batch = FastStyle(width=2), contents()
    run = L.Trainer(accelerator="cpu", logger=False, callbacks=[Evaluation()], enable_progress_bar=False)
    with pytest.warns(UserWarning, match="style_loss is not measured"):
        (found,) = run.validate(model, DataLoader([0], collate_fn=lambda _: batch), verbose=False)
    assert set(found) == {"val/content_loss"}


def test_what_the_losses_weigh(style: str) -> None:
    """Content and style of a picture itself cost nothing; weights multiply; variation is that of the output."""
    torch.manual_seed(0)
    batch = contents()
    weights = {"lambda_content": 2.0, "lambda_style": 3.0, "lambda_tv": 5.0}
    model = FastStyle(width=2, style=style, **weights)
    with torch.no_grad():
        output = model(batch["content"])
        distances = model.style_distances(batch["content"], output)
        wanted = [2 * distances["content_loss"], 3 * distances["style_loss"], 5 * total_variation(output)]
        itself = read_picture(style)[None]
        assert model.style_distances(itself, itself) == {"content_loss": 0, "style_loss": pytest.approx(0, abs=1e-10)}
    logged = fit(model, batch).losses[0]
    found = [logged[f"train/generator/{name}"] for name in ("content", "style", "tv")]
    assert found == pytest.approx([float(value) for value in wanted], rel=1e-4)


def test_contents_of_any_size_are_learned_from(style: str) -> None:
    assert fit(FastStyle(width=2, style=style), contents((21, 30))).losses[0]["train/generator/content"] > 0


def test_instance_norm_takes_the_contrast_out() -> None:
    torch.manual_seed(0)
    content = contents((64, 64))["content"]
    changes = {}
    for norm in ("instance", "batch"):
        model = FastStyle(width=4, norm=norm)  # type: ignore[arg-type]
        with torch.no_grad():
            model.train()(content)  # running statistics
            model.eval()
            full, faint = (model(content * contrast) for contrast in (1, 0.5))
        changes[norm] = float((full - faint).abs().mean() / (full - full.mean((2, 3), keepdim=True)).abs().mean())
    assert changes["instance"] < 0.1 * changes["batch"]
