"""What a test shows picture by picture: the bootstrap of its metrics, its speed, and pictures to look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.annotations import Count
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.metrics.suites import Measure
from i2i_zoo.tasks.clips import strip
from i2i_zoo.tasks.paired import in_colours, visible

#: How often the test pictures are drawn again, with replacement.
RESAMPLES = 1000
#: The most numbers that a metric may sum up for a picture if its bootstrap is to fit into memory.
LARGEST_STATE = 10_000


class Kept(NamedTuple):
    """A test picture for the sheets.

    Args:
        place: Its place among them: they are sorted by it.
        shown: Its name, and its pictures by part, for each direction.
    """

    place: float
    shown: dict[str, tuple[str, dict[str, Image.Image]]]


class Observer(Evaluation):
    """Measures like `Evaluation`, and keeps what each picture adds to each metric, how long it takes, and some of them.

    Args:
        folder: Where to write pictures.
        count: How many.
        most_changed: Keep those that change most, the most changed first (`Task.change`), and not evenly spaced ones.
        report: Called after each picture with how many are done, and of how many.
        **metrics: The arguments of `Evaluation`.
    """

    def __init__(
        self, folder: Path, count: Count, most_changed: bool, report: Callable[[int, int], None], **metrics: Any
    ) -> None:
        super().__init__(**metrics)
        self.folder, self.count, self.most_changed, self.report = folder, count, most_changed, report
        self.kept: list[Kept] = []
        self.seconds: list[float] = []
        #: How many pictures a batch makes in each direction: the frames of a clip, else one.
        self.frames = 1
        self.names: dict[str, list[str]] = {}
        #: Sums of each picture by direction, metric and state.
        self.sums: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.values: dict[str, float] = {}

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        self.number = int(trainer.num_test_batches[0])
        self.shown = set(spaced(self.number, self.count))
        self.names = {direction: [] for direction in pl_module.directions}

    def on_test_batch_start(
        self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self.start = now()

    def on_test_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self.seconds.append(now() - self.start)
        made = pl_module.measured(outputs, pl_module.directions[0]).get("output")
        self.frames = 1 if made is None else made.shape[:-3].numel()
        before = {key: state(measure) for key, measure in self.all_measures()}
        super().on_validation_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        for key, measure in self.all_measures():
            after = state(measure)
            self.sums.setdefault(key, []).append({name: value - before[key][name] for name, value in after.items()})
        self.report(batch_idx + 1, self.number)
        place = -float(pl_module.change(outputs)[0]) if self.most_changed else batch_idx
        among = len(self.kept) < self.count or place < self.kept[-1].place
        if among and (self.most_changed or batch_idx in self.shown):
            self.kept = sorted([*self.kept, kept(pl_module, outputs, batch, place)], key=lambda one: one.place)
            del self.kept[self.count :]

    def all_measures(self) -> list[tuple[tuple[str, str], Measure]]:
        """The measures by direction and name; one that the data cannot fill is no longer among them."""
        return [((way, name), measure) for way, found in self.measures.items() for name, measure in found.items()]

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        super().on_validation_epoch_end(trainer, pl_module)
        logged = trainer.callback_metrics
        self.values = {key.removeprefix("test/"): float(value) for key, value in logged.items()}
        for number, one in enumerate(self.kept):
            for direction, (name, shown) in one.shown.items():
                self.names[direction].append(name)
                for part, picture in shown.items():
                    save_picture(picture, picture_file(self.folder, direction, number, part))

    def results(self, direction: str) -> dict[str, Any]:
        """The metrics of a direction: value, replicates and title of each."""
        found = {}
        replicates: dict[str, list[float]] = {}
        for (way, name), measure in self.all_measures():
            if way == direction:
                replicates |= resampled(name, measure, self.sums[way, name])
        prefix = f"{direction}_" if direction else ""
        for key, title in self.titles.items():
            name = key.removeprefix(prefix)
            if key.startswith(prefix) and key in self.values:
                found[name] = {
                    "value": self.values[key],
                    "replicates": replicates.get(name, []),
                    "title": title.rpartition(": ")[2],
                }
        return found


def kept(model: Any, outputs: Any, batch: Any, place: float) -> Kept:
    """Source, output and target of the one sample in a batch, for each direction.

    What is made from noise has no source.  Of clips there are some frames, or only the last one if they are measured
    frame by frame.
    """
    panels = model.panels(outputs)
    found: dict[str, tuple[str, dict[str, Image.Image]]] = {}
    for number, direction in enumerate(model.directions):
        measured = model.measured(outputs, direction)
        palette = model.preprocess_for(direction).target_palette
        shown = {}
        for key in [key for key in ("output", "target") if key in measured]:
            pictures = measured[key] if measured[key].dim() == 4 else strip(measured[key])
            shown[key] = visible(in_colours(pictures, palette))
        if model.verb == "translate":
            source, width = panels[number * (len(panels) // len(model.directions))], shown["output"].shape[-1]
            shown["source"] = source if source.shape[-1] % width else source[..., -width:]  # the last of a strip
        if batch.get("name_b", batch["name"])[0] != batch["name"][0]:
            shown.pop("target", None)  # that of another picture
        name = batch["clips" if "clips" in batch else "name_b" if direction == "ba" else "name"][0]
        found[direction] = name, {part: to_pil(picture[-1]) for part, picture in shown.items()}
    return Kept(place, found)


def spaced(length: int, count: int) -> list[int]:
    """At most ``count`` indices of a list of this length, from the first to the last."""
    return [round(index) for index in np.linspace(0, length - 1, min(count, length))]


def picture_file(folder: Path, direction: str, number: int, part: str) -> Path:
    """Where a picture for the sheets is: ``part`` is source, output or target."""
    return folder / f"{direction}{number}-{part}.png"


def now() -> float:
    """Seconds, after everything that a GPU has to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def state(measure: Measure) -> dict[str, Any]:
    """The sums that a metric keeps; none for one that keeps lists, or too much."""
    kept = measure.metric.metric_state
    if any(not isinstance(value, Tensor) or value.numel() > LARGEST_STATE for value in kept.values()):
        return {}
    return {name: value.detach().cpu().double().numpy().copy() for name, value in kept.items()}  # type: ignore[union-attr]  # tensors by the line above


def resampled(name: str, measure: Measure, sums: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Bootstrap: each part of a metric on `RESAMPLES` draws of the test pictures with replacement.

    The same number of pictures gives the same draws, so the replicates of two models can be compared one by one.
    """
    count = len(sums)
    if not sums[0]:
        return {}
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    totals = {
        key: np.tensordot(draws, np.stack([picture[key] for picture in sums]), 1)  # (RESAMPLES, ...)
        for key in sums[0]
    }
    compute = type(measure.metric).compute  # without the wrapper, which keeps the first result
    metric, found = measure.metric, dict[str, list[float]]()
    for number in range(RESAMPLES):
        for key, total in totals.items():
            setattr(metric, key, torch.as_tensor(total[number]))
        result = compute(metric)
        for part, value in (result if isinstance(result, Mapping) else {"": result}).items():
            found.setdefault("_".join(filter(None, (name, part))), []).append(round(float(value), 6))
    return found if np.isfinite([*found.values()]).all() else {}
