"""The laws of the house.

Adding a task must not touch the package: here a task that translates, with a condition of its own, and a task that
samples are made up, with a method for each, and driven through everything that a person can do with a model.  Below
them: who may import whom, how long a file may be, and where Lightning's private names are.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from torchmetrics import MeanMetric

import i2i_zoo
import tiny
from i2i_zoo import benchmark, registry
from i2i_zoo.cli.main import main
from i2i_zoo.data.splits import SplitData
from i2i_zoo.demo import page
from i2i_zoo.errors import ZooError
from i2i_zoo.export import export
from i2i_zoo.media.files import height_width
from i2i_zoo.media.pictures import read_picture, to_pil
from i2i_zoo.methods.base import Method
from i2i_zoo.metrics import suites
from i2i_zoo.tasks.base import Prediction, Task
from i2i_zoo.tasks.conditions import SIZE, Condition
from i2i_zoo.tasks.graph import Graph
from i2i_zoo.tasks.kinds import Choice, Number
from i2i_zoo.tasks.preprocess import Preprocess
from i2i_zoo.tasks.sampler import Sampler
from i2i_zoo.tasks.translator import Translator
from servers import Hub

# A task that translates: a photograph in a mood, and where its light is.


class LightTranslator(Translator):
    """Photographs (B, 3, H, W) to the same in a mood."""

    def __init__(self, task: LightTask, mood: str = "warm", strength: float = 1.0, **engine: Any) -> None:
        super().__init__(task, **engine)
        self.mood, self.strength = mood, strength

    def read_values(self, source: Any, **own: Any) -> Tensor:
        return read_picture(source)

    def forward(self, source: Tensor) -> Tensor:
        output: Tensor = self.task(source, self.mood, self.strength)
        return output


class LightTask(Task):
    """``photo`` (B, 3, H, W) to ``lit`` (B, 3, H, W), with ``mask`` (B, 1, H, W) where light falls."""

    batch_keys = ("photo", "lit", "mask")
    default_metrics = ("l1", "mask_accuracy")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (
            Condition("mood", Choice(("warm", "cold")), "the mood of the light", label="Mood", default="warm"),
            Condition("strength", Number(0, 1), "how much of it", label="Strength", default=1.0),
            SIZE,
        )

    def make_translator(self, **chosen: Any) -> LightTranslator:
        return LightTranslator(self, **chosen)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        photo = torch.rand(batch, 3, height, width) * 2 - 1
        return {"photo": photo, "lit": photo, "mask": (photo[:, :1] > 0).float()}

    def graph(self, **conditions: Any) -> Graph:
        def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
            return {"photo": self.example_batch(batch, height, width)["photo"]}

        return Graph(self.translator(**conditions), inputs, self.main_network.stride, self.main_network.smallest)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.translator().run(batch["photo"])

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        found = (outputs["output"].mean(1, keepdim=True) > 0).float()
        return {"output": outputs["output"], "target": outputs["lit"], "mask": outputs["mask"], "found_mask": found}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        return [outputs["photo"], outputs["output"], outputs["mask"] * 2 - 1]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)


class LightNet(nn.Module):
    stride, smallest = 2, 2

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(4, width, 2, 2), nn.ConvTranspose2d(width, 3, 2, 2)

    def forward(self, photo: Tensor, tint: Tensor) -> Tensor:
        tint = tint.expand(photo.shape[0], 1, *photo.shape[-2:])
        return torch.tanh(self.up(F.relu(self.down(torch.cat([photo, tint], 1)))))


class Light(LightTask, Method):
    """A made-up method, adversarial like its neighbours."""

    def __init__(self, width: int = 4, lr: float = 1e-3, betas: list[float] = [0.5, 0.999]) -> None:  # noqa: B006
        super().__init__()
        self.save_hyperparameters()
        self.generator = LightNet(width)

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            self.discriminator = nn.Conv2d(3, 1, 4, 2)

    def forward(self, photo: Tensor, mood: str = "warm", strength: float = 1.0) -> Tensor:
        sign = 1.0 if mood == "warm" else -1.0
        return self.generator(photo, photo.new_full((1, 1, 1, 1), sign * strength))

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        fake = self(batch["photo"])
        with self.update("discriminator") as loss:
            loss["real"] = F.softplus(-self.discriminator(batch["lit"])).mean()
            loss["fake"] = F.softplus(self.discriminator(fake.detach())).mean()
        with self.update("generator") as loss:
            loss["adversarial"] = F.softplus(-self.discriminator(fake)).mean()
            loss["l1"] = F.l1_loss(fake, batch["lit"])


def measure_mask_accuracy(task: Task, direction: str) -> dict[str, suites.Measure]:
    class Agreement(MeanMetric):
        def update(self, found: Tensor, mask: Tensor) -> None:  # type: ignore[override]
            super().update((found == mask).float())

    return {"mask_accuracy": suites.Measure(Agreement(), ("found_mask", "mask"), "Mask accuracy")}


# A task that samples: dots from noise.


class DotsSampler(Sampler):
    def __init__(self, task: DotsTask, colour: str = "grey") -> None:
        super().__init__(task)
        self.colour = colour

    def noise(self, random: torch.Generator) -> Tensor:
        return torch.randn(self.task.hparams.latent, generator=random)

    def forward(self, noise: Tensor) -> Tensor:
        dots: Tensor = self.task(noise)
        return (
            dots if self.colour == "grey" else dots.expand(-1, 3, -1, -1) * dots.new_tensor([1, 0.5, 0])[:, None, None]
        )


class DotsTask(Task):
    """``dots`` (B, 1, 16, 16) from noise."""

    verb = "sample"
    batch_keys = ("dots",)
    default_metrics = ("l1",)
    #: Beside the grey level of a Preprocess.
    preprocess_type: ClassVar[type[Preprocess]] = Preprocess

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (
            Condition("colour", Choice(("grey", "orange")), "the colour of the dots", label="Colour", default="grey"),
        )

    def make_sampler(self, **chosen: Any) -> DotsSampler:
        return DotsSampler(self, **chosen)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        return {"dots": torch.rand(batch, 1, 16, 16) * 2 - 1}

    def graph(self, **conditions: Any) -> Graph:
        def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
            return {"noise": torch.randn(batch, self.hparams.latent)}

        return Graph(self.sampler(**conditions), inputs, fixed_inputs=("noise",))

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.sampler().make(range(len(batch["dots"])), batch_idx)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        return {"output": outputs["output"], "target": outputs["dots"]}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        return [outputs["output"], outputs["dots"]]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)


class Dots(DotsTask, Method):
    """A made-up method without an adversary."""

    discriminator_networks: tuple[str, ...] = ()

    def __init__(self, latent: int = 3, lr: float = 1e-3, betas: list[float] = [0.5, 0.999]) -> None:  # noqa: B006
        super().__init__()
        self.save_hyperparameters()
        self.generator = nn.Sequential(nn.Linear(latent, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": ("generator",)}

    def forward(self, noise: Tensor) -> Tensor:
        return self.generator(noise)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        with self.update("generator") as loss:
            codes = torch.randn(len(batch["dots"]), self.hparams.latent)
            loss["l2"] = F.mse_loss(self(codes), batch["dots"])


# Their data.


class MadeUpItems(Dataset[dict[str, Any]]):
    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys

    def __len__(self) -> int:
        return 3

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        random = torch.Generator().manual_seed(item[1])
        photo = torch.rand(3, 16, 16, generator=random) * 2 - 1
        everything = {"photo": photo, "lit": photo, "mask": (photo[:1] > 0).float(), "dots": photo[:1]}
        return {"name": f"item{item[1]}", **{key: everything[key] for key in self.keys}}


class MadeUpData(SplitData):
    """Random pictures for either task."""

    batch_keys = ("photo", "lit", "mask", "dots")

    def __init__(self, batch_size: int = 2, num_workers: int = 0, seed: int = 0) -> None:
        super().__init__(batch_size, num_workers, seed)

    @property
    def preprocess(self) -> Preprocess:
        return Preprocess((16, 16))

    def dataset(self, split: str) -> MadeUpItems:
        return MadeUpItems(self.batch_keys)


METHODS = {"light": Light, "dots": Dots}
TRAINER = [argument for argument in tiny.ARGS if argument.startswith("--trainer")]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All that the package is told of them."""
    monkeypatch.chdir(tmp_path)
    for name, cls in METHODS.items():
        path = f"{__name__}:{cls.__qualname__}"
        monkeypatch.setitem(registry.METHODS, name, registry.Method(name, path, cls.__name__, "made up", "https://x"))
    monkeypatch.setitem(suites.METRICS, "mask_accuracy", measure_mask_accuracy)


@pytest.fixture(params=METHODS)
def name(request: pytest.FixtureRequest) -> str:
    """The folder of a checkpoint of either method, which is called like the method."""
    torch.manual_seed(0)
    i2i_zoo.save(METHODS[request.param](), request.param)
    return str(request.param)


def test_trained_measured_shown_and_used_from_the_command_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    method = [f"--model={METHODS[name].__name__}", f"--data={__name__}.MadeUpData"]
    assert main(["fit", *method, *TRAINER, f"--init_from={name}"]) == 0
    run = Path(f"runs/{name}-madeupdata/version_0")
    assert (run / "samples/epoch_0000.png").is_file()
    assert height_width(run / "samples/epoch_0000.png")[1] == 16 * (3 if name == "light" else 2)
    assert (run / "checkpoints/last.ckpt").is_file()
    capsys.readouterr()
    assert main(["test", *method, *TRAINER, f"--ckpt_path={run / 'checkpoints/last.ckpt'}"]) == 0
    printed = capsys.readouterr().out
    assert "test/l1" in printed
    assert ("test/mask_accuracy" in printed) == (name == "light")
    assert main(["predict", *method, *TRAINER, f"--ckpt_path={run / 'checkpoints/last.ckpt'}"]) == 0
    assert {path.name for path in Path(f"runs/{name}-madeupdata/predictions").iterdir()} == {
        f"item{i}.png" for i in range(3)
    }
    trained = i2i_zoo.load(run / "model")
    assert trained.preprocess == Preprocess((16, 16))
    assert not all(map(torch.equal, trained.state_dict().values(), i2i_zoo.load(name).state_dict().values()))
    if name == "light":
        to_pil(torch.rand(3, 20, 30) * 2 - 1).save("photo.png")
        assert main(["translate", str(run / "model"), "photo.png", "--mood", "cold", "--strength", "0.5"]) == 0
        expected = trained.translate("photo.png", mood="cold", strength=0.5)
        np.testing.assert_array_equal(np.asarray(Image.open("translated/photo.png")), np.asarray(expected))
        assert not np.array_equal(np.asarray(expected), np.asarray(trained.translate("photo.png")))
    else:
        assert main(["sample", str(run / "model"), "-n", "5", "--seed", "3", "--colour", "orange", "--batch", "2"]) == 0
        for i, expected in enumerate(trained.sample(5, seed=3, colour="orange")):
            np.testing.assert_array_equal(np.asarray(Image.open(f"samples/3-{i:04d}.png")), np.asarray(expected))
        assert height_width(Path("samples/3-sheet.png")) == (16, 5 * 16)
        assert main(["sample", str(run / "model"), "-n", "6", "--seed", "3"]) == 0
        assert "1 made, 5 were there already" in capsys.readouterr().out


def test_its_conditions_are_checked_alike_in_python_and_on_the_command_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (16, 16)).save("photo.png")
    verb, source = ("translate", ["photo.png"]) if name == "light" else ("sample", [])
    model = i2i_zoo.load(name)

    def call(**conditions: Any) -> Any:
        return model.translate("photo.png", **conditions) if name == "light" else model.sample(1, **conditions)

    wrong = {"mood": "bright", "strength": 1.5, "colour": "blue", "tile": 8}
    for condition, value in wrong.items():
        with pytest.raises(ZooError) as raised:
            call(**{condition: value})
        assert main([verb, name, *source, f"--{condition}", str(value)]) == 1
        assert capsys.readouterr().err == f"i2i-zoo: {raised.value}\n"
    with pytest.raises(SystemExit):
        main([verb, name, "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert all(condition.option in printed and condition.help in printed for condition in model.conditions)
    other = "use sample(count), not translate" if name == "dots" else "use translate(picture), not sample"
    with pytest.raises(ZooError, match=re.escape(other)):
        model.translate("photo.png") if name == "dots" else model.sample(1)


def test_the_same_seed_gives_the_same_picture_whatever_the_batch() -> None:
    sampler = Dots().eval().sampler()
    together = torch.cat([sampler.make(range(5), 7), sampler.make([5], 7)])
    alone = torch.cat([sampler.make([i], 7) for i in range(6)])
    torch.testing.assert_close(together, alone)
    assert not torch.equal(sampler.make([0], 7), sampler.make([0], 8))
    assert len({picture.numpy().tobytes() for picture in together}) == 6


def test_a_page(name: str) -> None:
    built = page.build([name])
    labels = [getattr(block, "label", None) for block in built.blocks.values()]
    work = {block.name: block.fn for block in built.fns.values()}
    model = i2i_zoo.load(name)
    if name == "light":
        assert {"Mood", "Strength"} <= set(labels)
        Image.new("RGB", (16, 16), "red").save("photo.png")
        _, file, *_ = work["run"](0, [], "photo.png", "cold", 0.5)
        expected = model.translate("photo.png", mood="cold", strength=0.5)
        np.testing.assert_array_equal(np.asarray(Image.open(file)), np.asarray(expected))
    else:
        assert {"Colour", "Seed"} <= set(labels)
        _, files, *_ = work["run"](0, [], 2, 5, "orange")
        for file, expected in zip(files, model.sample(2, seed=5, colour="orange"), strict=True):
            np.testing.assert_array_equal(np.asarray(Image.open(file)), np.asarray(expected))


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_a_graph(name: str, kind: Any) -> None:
    condition = {"mood": "cold"} if name == "light" else {"colour": "orange"}
    assert export(i2i_zoo.load(name), f"{name}.{kind}", kind, **condition)
    flag, value = next(iter(condition.items()))
    assert main(["export", name, "--format", kind, f"--{flag}", value, "-o", f"again.{kind}"]) == 0
    assert Path(f"again.{kind}").is_file()


def test_a_benchmark(name: str) -> None:
    results = benchmark.measure(benchmark.Setting(name, height=16, width=16, steps=2), 0, 0)
    assert [result["what"] for result in results] == ["inference", "training"]
    assert all(result["ms"] > 0 for result in results)


def test_saved_loaded_and_pushed(name: str) -> None:
    model = METHODS[name]()
    model.configure_model()
    model.adopt(Preprocess((16, 16)))
    i2i_zoo.save(model, "saved")
    loaded = i2i_zoo.load("saved", discriminators=True)
    assert type(loaded) is METHODS[name]
    assert loaded.preprocess == Preprocess((16, 16))
    server = Hub()
    try:
        i2i_zoo.push(loaded, f"org/{name}")
        again = i2i_zoo.load(f"hf:org/{name}", discriminators=True)
    finally:
        server.stop()
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)
    assert json.loads(Path("saved/config.json").read_text())["method"] == name


# The laws.

PACKAGE = Path(__file__).parents[1] / "src" / "i2i_zoo"
FILES = sorted(PACKAGE.rglob("*.py"))

#: Rooms from the ground up: one may import those of the floors below it, and nothing of its own floor but itself.
FLOORS = (
    {"errors"},
    {"annotations", "atomic", "devices", "examples", "lightning_private", "registry", "seeds"},
    {"store", "networks", "media"},
    {"pretrained"},
    {"losses"},
    {"tasks"},
    {"methods", "metrics", "data"},
    {"callbacks", "convert"},
    {"hub"},
    {"export", "benchmark", "cards", "normalization_figure"},
    {"compare", "demo"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: Longer files, and why each is one subject all the same.
LONG = {
    "methods/pix2pixhd.py": 330,  # the method of label maps, and the same of pictures
    "networks/normalization.py": 330,  # every layer in one form, to compare them
}
LIMIT = 300


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, *, running: bool = True) -> Iterator[str]:
    """Absolute names of what a file imports; ``running``: at its top, inside functions, but not for types alone."""
    here = path.relative_to(PACKAGE.parent).parent.parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if running and id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*here[: len(here) - node.level + 1], *filter(None, [node.module])))
            base = base if node.level else str(node.module)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(name: str) -> str | None:
    """The room that an absolute name of the package is in."""
    parts = name.split(".")
    return parts[1] if parts[0] == "i2i_zoo" and len(parts) > 1 and parts[1] in FLOOR else None


def test_every_file_is_in_a_room() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert rooms - {"__init__", "__main__"} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    wrong = [
        name
        for name in imported(path)
        if (room := room_of(name)) is not None and room != own and FLOOR[room] >= FLOOR[own]
    ]
    assert wrong == []


def test_no_import_goes_in_a_circle() -> None:
    names = {module_name(path): path for path in FILES}
    graph = {
        module: {
            target
            for name in imported(path)
            for target in (name, name.rpartition(".")[0])
            if target in names and target != module and target != "i2i_zoo"
        }
        for module, path in names.items()
    }
    # A package that is imported on the way to its module is no use of it.
    graph = {m: {t for t in targets if not any(o.startswith(f"{t}.") for o in targets)} for m, targets in graph.items()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' > '.join((*path[path.index(module) :], module))}"
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("methods", ("data", "metrics", "hub", "store", "registry")),
        ("networks", ("lightning", "pytorch_lightning", "lightning_utilities")),
        ("cli", ("argparse",)),
    ],
)
def test_what_a_room_never_imports(room: str, others: tuple[str, ...]) -> None:
    if room == "cli":  # nothing below it knows the command line
        files = [path for path in FILES if path.relative_to(PACKAGE).parts[0] != "cli"]
    else:
        files = [path for path in FILES if path.relative_to(PACKAGE).parts[0] == room]
    tops = {
        name.split(".")[1] if name.startswith("i2i_zoo.") else name.split(".")[0] for p in files for name in imported(p)
    }
    assert tops & set(others) == set()


@pytest.mark.parametrize("room", ["registry", "errors", "atomic", "examples", "annotations", "__init__"])
def test_the_standard_library_is_enough(room: str) -> None:
    files = [path for path in FILES if path.relative_to(PACKAGE).parts[0].removesuffix(".py") == room]
    assert files
    tops = {name.partition(".")[0] for path in files for name in imported(path)}
    assert tops - {"i2i_zoo"} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_long(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONG.get(name, LIMIT)


SCRIPTS = [path for folder in ("benchmarks", "recipes") for path in sorted((PACKAGE.parents[1] / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_import_what_is_there(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "i2i_zoo":
            module = import_module(str(node.module))
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert [name for name in missing if find_spec(f"{module.__name__}.{name}") is None] == []


#: Names of Lightning's that its documentation does not promise: private ones, and what lies inside its loops.
PRIVATE = re.compile(
    r"(trainer|strategy|optimizer|self)\._(on_before_step|on_after_step|lightning_optimizers|ddp_kwargs|save_checkpoint"
    r"|should_skip_saving_checkpoint|last_time_checked)|fit_loop|epoch_loop|batch_progress|epoch_progress"
)


def test_lightnings_private_names_are_in_one_file() -> None:
    found = {path.name for path in FILES if PRIVATE.search(path.read_text(encoding="utf-8"))}
    assert found == {"lightning_private.py"}


def test_shared_code_does_not_ask_which_task_it_has() -> None:
    tasks = {"ClipsTask", "NoiseTask", "PairedTask", "SemanticTask", "UnpairedTask", "StyleTask", "OneStyleTask"}
    tasks |= {"AnimationTask", "PoseTask"}
    outside = [path for path in FILES if path.relative_to(PACKAGE).parts[0] not in ("tasks", "methods")]
    named = {path.name: tasks & set(re.findall(r"\w+", path.read_text(encoding="utf-8"))) for path in outside}
    assert {name: found for name, found in named.items() if found} == {}
