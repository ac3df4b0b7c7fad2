"""Checking a comparison before its first training."""

from __future__ import annotations

import copy

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from i2i_zoo import hub
from i2i_zoo.compare.measure import data_to_test, possible_metrics
from i2i_zoo.compare.rows import Comparison, Row
from i2i_zoo.errors import ZooError
from i2i_zoo.lightning_private import silent
from i2i_zoo.methods.base import Method
from i2i_zoo.metrics.suites import METRICS, PARTS
from i2i_zoo.tasks.check import check_data

from .diagnosis import NotUnderstood, Parser, diagnose_sections
from .messages import reason
from .recipes import build_classes, import_recipe_classes


def check(comparison: Comparison) -> None:
    """Check everything before the first training: names, metrics, options of recipes, and the data.

    Raises `ZooError` with one sentence.
    """
    names = [row.name for row in comparison.rows]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ZooError(f"Two rows are called {repeated[0]!r}: give each a name of its own.")
    import_recipe_classes()
    checked: set[str] = set()
    measured: set[str] = set()
    problems: list[ZooError] = []
    for row in comparison.rows:
        try:
            model = built(row)
            data = data_to_test(row)
            check_data(model, data, frames=row.checkpoint is not None)
            if comparison.most_changed and not model.knows_change:
                raise ZooError(
                    f"how much a picture changes is not known for {type(model).__name__}, which is no method for "
                    "people in other poses; leave out --most-changed."
                )
            for stage in ("test",) if row.checkpoint else ("fit", "test"):
                if (key := f"{stage} {row.recipe['data']}") not in checked:
                    data.setup(stage)
                    checked.add(key)
            for name in row.paper:
                check_paper(name, row, model)
            possible, impossible = possible_metrics(row, model)
            if impossible and not possible:
                raise impossible[0]
            measured |= possible.keys()
            problems += impossible
        except ZooError as error:
            raise ZooError(f"{row.name}: {error}") from error
    if unknown := [name for name in comparison.rows[0].metrics or {} if name not in measured]:
        raise next((error for error in problems if unknown[0] in str(error)), problems[0])


def built(row: Row) -> Method:
    """The model of a row: that of its checkpoint, or an empty one of its recipe, all of whose sections are checked.

    Raises `ZooError` for what the recipe or the checkpoint says wrongly.
    """
    if row.checkpoint is not None and row.unfinished is None:
        return hub.load(row.checkpoint)
    if row.trainer.get("num_nodes", 1) != 1:
        raise ZooError(
            "trainer.num_nodes would spread one training over several machines: leave it out, and start the same "
            "command on each machine, with one folder for all."
        )
    parser = Parser()
    parser.add_lightning_class_args(L.Trainer, "trainer")
    parser.add_lightning_class_args(Method, "model", subclass_mode=True)
    parser.add_lightning_class_args(L.LightningDataModule, "data", subclass_mode=True)
    try:
        # A copy, since the parser changes what it is given.
        sections = copy.deepcopy({"trainer": row.trainer, **{key: row.recipe[key] for key in ("model", "data")}})
        with torch.device("meta"), silent():
            config = build_classes(parser, parser.parse_object(sections))
    except NotUnderstood as error:
        found = diagnose_sections({"trainer": row.trainer, **{key: row.recipe[key] for key in ("model", "data")}})
        raise ZooError(found or f"The options of {row.name} cannot be understood; compare its recipe.") from error
    except MisconfigurationException as error:
        raise ZooError(" ".join(str(error).split())) from error
    except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
        raise reason(error) or ZooError(" ".join(str(error).split())) from error
    model: Method = config.model
    model.adopt(config.data.preprocess)
    return model


def check_paper(name: str, row: Row, model: Method) -> None:
    """Raise `ZooError` for a number of the paper that is none, or whose metric cannot be in the row."""
    if type(row.paper[name]) not in (int, float):
        raise ZooError(f"paper: {name} is {row.paper[name]!r}, not a number; correct it.")
    plain = name.removeprefix("ab_").removeprefix("ba_") if len(model.directions[0]) else name
    known = [*METRICS, *model.measured_losses]
    if plain not in known and not any(plain == f"{metric}_{part}" for metric in known for part in PARTS):
        raise ZooError(f"paper: {name} is no metric; name it like a column, such as fcn_score_pixel_accuracy.")
