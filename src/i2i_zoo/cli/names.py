"""What a NAME of the command line means: where its weights are, and the recipe that was saved with it."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from i2i_zoo.annotations import allows
from i2i_zoo.data import datamodules
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES, method_class, refuse_weights, suggest
from i2i_zoo.store.format import CONFIG, Config, read_config
from i2i_zoo.store.runs import config_of, refuse_folder_above, result_of
from i2i_zoo.store.sources import locate, needed

from .diagnosis import pairs
from .recipes import check_recipe, is_recipe, recipe, run_name

#: What a checkpoint records of its data, to what datamodules call it if not by the same name.
DATA_OPTIONS = {
    "size": ("test_size",),
    "source_palette": ("palette", "palette_a"),
    "target_palette": ("palette_b",),
}

#: How a run was trained, and not what it is: none of this holds when its model is measured.
AS_TRAINED = {
    "trainer.accelerator": "auto",
    "trainer.strategy": "auto",
    "trainer.devices": 1,
    "trainer.num_nodes": 1,
    "trainer.logger": False,
    "trainer.fast_dev_run": False,
    "trainer.limit_val_batches": None,
    "trainer.limit_test_batches": None,
    "trainer.limit_predict_batches": None,
}


class Named(NamedTuple):
    """A checkpoint by its name."""

    name: str
    #: The file of its recipe: the zoo's for a name of the list, that of the run for a run; None where nothing says it.
    recipe: Path | None
    #: The ``last.ckpt`` of a run that has not saved a model yet; None for a model.
    unfinished: Path | None = None

    @property
    def config_file(self) -> Path:
        """Its ``config.json``, which is fetched if it is on the Hub."""
        return needed(locate(self.name), CONFIG, self.name)

    @property
    def config(self) -> Config:
        """What its ``config.json`` says."""
        return read_config(self.config_file)

    def content(self) -> dict[str, Any]:
        """The content of its recipe; without one, what its ``config.json`` says of the model and the data.

        These data lack their folder.  There is no section of data if no pictures in folders are known to fit.
        """
        if self.recipe is not None:
            check_recipe(self.recipe)
            found: dict[str, Any] = yaml.safe_load(self.recipe.read_text(encoding="utf-8"))
            return found
        config = self.config
        cls = method_class(config.method)
        sections: dict[str, Any] = {"model": {"class_path": cls.__name__, "init_args": config.hparams}}
        if reads_files(cls.data_class):
            sections["data"] = {"class_path": cls.data_class, "init_args": data_options(cls.data_class, config)}
        return sections

    @property
    def run(self) -> str:
        """What the folder of its results is called: as its recipe, else as the checkpoint."""
        if self.recipe is not None:
            return run_name(self.recipe)
        hub = self.name.startswith("hf:")
        return re.sub(r"\W+", "-", self.name.removeprefix("hf:")) if hub else Path(self.name).resolve().name

    def arguments(self, args: Sequence[str]) -> list[str]:
        """Options of ``test`` and its kin that say the same, to be put before ``args``, the options of the user.

        Raises `ZooError` if nothing says which data to use.
        """
        if self.recipe is not None:
            last = {"ckpt_path": str(self.unfinished) if self.unfinished else None}
            reset = {} if self.name in ENTRIES else AS_TRAINED | last
            return [f"--config={self.recipe}", *as_options(reset)]
        config = self.config
        cls = method_class(config.method)
        given = {option: value for option, value in pairs(args) if value}
        folder = datamodules()[cls.data_class].folder_option if reads_files(cls.data_class) else ""
        if "data" not in given and (not folder or f"data.{folder}" not in given):
            remedy = f"--data.{folder}" if folder else "--data CLASS"
            raise ZooError(
                f"{self.name} does not say what data to measure it on: give a recipe with --config, or {remedy}."
            )
        kind = given.get("data", cls.data_class).rpartition(".")[2]
        options = data_options(kind, config) if kind in datamodules() else {}
        return [*as_options({"model": cls.__name__, "data": kind}), *as_options(options, "data.")]


def is_folder_or_hub(name: str) -> bool:
    """Whether a name can only mean files that the zoo does not list: a repository on the Hub, or a folder."""
    return name not in ENTRIES and (name.startswith("hf:") or Path(name).is_dir())


def find(name: str) -> Named:
    """What a name means: one of the list, ``hf:org/repo``, or the folder of a checkpoint, of a run or of runs.

    Raises `ZooError`, with the closest names, if it means nothing.
    """
    if name in ENTRIES:
        return Named(name, recipe(ENTRIES[name].recipe))
    if name.startswith("hf:"):
        return Named(name, None)
    result = result_of(Path(name))
    if result.is_file() and result != Path(name):
        return Named(name, config_of(result), result)
    if (result / CONFIG).is_file():
        return Named(name, config_of(result))
    if runs := [path.parent for path in (*result.glob("config.yaml"), *result.glob("version_*/config.yaml"))]:
        raise ZooError(f"{runs[0]}: this run has left no checkpoint; start it again with its recipe.")
    refuse_folder_above(result)
    refuse_weights(name)
    if is_recipe(name):
        raise ZooError(f"{name} is a recipe and no checkpoint: did you mean --config {name}?")
    raise ZooError(f"{name!r} is no checkpoint and no folder of one or of a run; the closest are {suggest(name)}.")


def check_own_model(name: str, args: Sequence[str]) -> None:
    """Raise `ZooError` for an option of the model beside the name of a finished one."""
    for option, _ in pairs(args):
        if option and option.partition(".")[0] == "model":
            raise ZooError(f"{name} is a finished model, which --{option} does not change: leave it out.")


def reads_files(kind: str) -> bool:
    """Whether a datamodule of this name reads a folder."""
    return kind in datamodules() and bool(datamodules()[kind].folder_option)


def data_options(kind: str, config: Config) -> dict[str, Any]:
    """The options of a datamodule that a checkpoint records: sizes, palettes, channels, labels."""
    hints = typing.get_type_hints(datamodules()[kind].__init__, include_extras=True)
    facts: Mapping[str, Any] = {**config.hparams, **config.preprocess}
    return {
        option: value
        for name, value in facts.items()
        for option in (name, *DATA_OPTIONS.get(name, ()))
        if option in hints and allows(hints[option], value)
    }


def as_options(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """JSON values by name as options of the command line."""
    return [f"--{prefix}{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in values.items()]
