"""Measuring a checkpoint on test pictures, unless that was done before."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import lightning as L
import torch
from torch.utils.data import Dataset

from i2i_zoo import hub
from i2i_zoo.atomic import atomic_write
from i2i_zoo.data import datamodules
from i2i_zoo.data.splits import SplitData
from i2i_zoo.errors import ZooError
from i2i_zoo.lightning_private import silent
from i2i_zoo.methods.base import Method
from i2i_zoo.metrics.suites import suite
from i2i_zoo.tasks.frames import frame_by_frame

from .observer import Observer, spaced
from .progress import Progress
from .rows import Comparison, Job, Row

Result = dict[str, Any]


class Thinned(Dataset[Any]):
    """Some items of a dataset of the zoo, evenly spaced; indexed by ``(epoch, index)`` as well."""

    def __init__(self, dataset: Any, count: int) -> None:
        self.dataset = dataset
        self.indices = spaced(len(dataset), count)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: tuple[int, int]) -> Any:
        epoch, index = item
        return self.dataset[epoch, self.indices[index]]


def data_to_test(row: Row, limit: int | None = None) -> SplitData:
    """The datamodule of a row with one picture in a batch, and of the test pictures at most ``limit``, evenly spaced.

    Raises `ZooError` if it is not one of the zoo, or for an argument that it does not take.
    """
    section = row.recipe["data"]
    name = section["class_path"].rpartition(".")[2]
    if name not in datamodules():
        raise ZooError(f"{row.name}: {name} is no datamodule of the zoo; choose from {', '.join(datamodules())}.")
    data = datamodules()[name](**{**(section.get("init_args") or {}), "batch_size": 1})
    if limit is not None:
        data.setup("test")
        data.datasets["test"] = Thinned(data.datasets["test"], limit)
    return data


def metrics_of(row: Row) -> dict[str, Any]:
    """The arguments of `Evaluation`: the row's own metrics, or those that its recipe tests."""
    if row.metrics is not None:
        return {"metrics": row.metrics}
    sections = [c for c in row.callbacks if c.get("class_path", "").rpartition(".")[2] == "Evaluation"]
    return dict(sections[0].get("init_args") or {}) if sections else {}


def possible_metrics(row: Row, model: Method) -> tuple[dict[str, Mapping[str, Any] | None], list[ZooError]]:
    """Those of the row's own metrics that can be measured for a model, and why the others cannot."""
    possible, problems = {}, []
    for name, options in (row.metrics or {}).items():
        try:
            for direction in model.directions:
                _, missing = suite(model, direction, {name: options})
                if missing:
                    raise ZooError(missing[0])
            possible[name] = options
        except ZooError as error:
            problems.append(error)
    return possible, problems


def measured(job: Job, comparison: Comparison, progress: Progress) -> Result:
    """The result of a job that is trained: the kept one, if it was measured from the same, else a new one.

    A new one is kept as ``result.json`` in the job's folder, beside its pictures.
    """
    model = hub.load(str(job.checkpoint), device="cuda" if torch.cuda.is_available() else "cpu")
    origin = json.loads(
        json.dumps(
            {
                "weights": digest(model),
                "data": job.row.recipe["data"],
                "precision": precision(job.row),
                "metrics": metrics_of(job.row),
                "limit": comparison.limit,
                "pictures": comparison.pictures,
                "most_changed": comparison.most_changed,
            }
        )
    )
    path = job.folder / "result.json"
    with suppress(FileNotFoundError, ValueError):  # a damaged file is replaced
        kept: Result = json.loads(path.read_text(encoding="utf-8"))
        if kept["from"] == origin:
            return kept
    result = {"from": origin, **measure(job, model, comparison, progress)}
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(result), encoding="utf-8")
    return result


def digest(model: Method) -> str:
    """A hash of a model's weights."""
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        found.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def precision(row: Row) -> Any:
    """The precision of the recipe's trainer, in which `i2i-zoo test` measures too."""
    return row.trainer.get("precision") or "32-true"


def measure(job: Job, model: Method, comparison: Comparison, progress: Progress) -> Result:
    """Measure a model on the test pictures of its recipe, and write those for the sheets.

    Returns:
        For each direction its ``metrics`` with ``value``, ``replicates`` and ``title``, its ``names`` of the pictures
        for the sheets, and what it translates: ``preprocess``.  For the model its ``parameters``,
        ``pictures_per_second``, the number of ``test_pictures``, and if these are clips, that of their ``frames``.
    """
    row = job.row
    progress.say(f"measuring {job.title}")
    parameters = sum(parameter.numel() for parameter in model.parameters())  # the test adds the discriminators
    options = metrics_of(row) if row.metrics is None else {"metrics": possible_metrics(row, model)[0]}

    def report(done: int, of: int) -> None:
        progress.tick(lambda: f"measuring {job.title}: {done} of {of} pictures")

    data = data_to_test(row, comparison.limit)
    observer = Observer(job.folder / "pictures", comparison.pictures, comparison.most_changed, report, **options)
    with silent():
        L.Trainer(
            accelerator="auto" if torch.cuda.is_available() else "cpu",
            devices=1,
            precision=precision(row),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            callbacks=[observer],
        ).test(model, datamodule=data, verbose=False)
    if not observer.seconds:
        raise ZooError(f"{job.title}: its data have no test pictures; add some to {row.recipe['data']}.")
    warm = observer.seconds[min(3, len(observer.seconds) - 1) :]
    # Frames keep the size that the data have.
    size = {"size": data.preprocess.to_json().get("size")} if frame_by_frame(model, data.batch_keys) else {}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return {
        "directions": {
            direction: {
                "metrics": observer.results(direction),
                "names": observer.names[direction],
                "preprocess": {**model.preprocess_for(direction).to_json(), **size},
                "title": model.title(direction),
            }
            for direction in model.directions
        },
        "parameters": parameters,
        "pictures_per_second": round(len(model.directions) * observer.frames / statistics.median(warm), 2),
        "device": device.removesuffix("s") if device.endswith(" 1 threads") else device,
        "test_pictures": len(observer.seconds),
        "frames": observer.frames,
        "lower_is_better": [*LOWER_IS_BETTER, *model.measured_losses],
    }


#: The other metrics are better if they are higher; losses are like these.
LOWER_IS_BETTER = (
    *("l1", "lpips", "fid", "kid", "frechet_mobilenetv2"),
    *("acd_shapes", "acd_people", "fvd", "frame_fid", "frame_frechet_mobilenetv2", "warping_error"),
)
