"""Hostile arguments of every method, datamodule and callback, and loaders whose batches are not what a method takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import tiny
from fuzzing.damage import VALUES, Case, Fuzzer
from i2i_zoo.callbacks.ema import EMA
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.callbacks.gradients import ClipGradients
from i2i_zoo.callbacks.nan import StopOnNaN
from i2i_zoo.callbacks.samples import Samples
from i2i_zoo.data import datamodules
from i2i_zoo.methods.base import Method
from methods.base import MethodTester
from methods.every import by_method

CALLBACKS = [EMA, Evaluation, ClipGradients, StopOnNaN, Samples]


def train(model: Method, batch: Any, folder: Path, *callbacks: Any) -> None:
    """Training, validation and prediction with one batch."""
    loader: Any = DataLoader([0], collate_fn=lambda _: batch)
    trainer = tiny.trainer(folder, *callbacks, fast_dev_run=True)
    trainer.fit(model, loader, loader)
    trainer.predict(model, loader)


def testers() -> list[MethodTester]:
    """The tester of each method; AdaIN's and FastStyle's need weights that are fetched, and so do not train here."""
    return [tester() for name, tester in by_method().items() if name not in ("adain", "faststyle")]


def arguments(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """One to three arguments of a constructor replaced; what is accepted must train, or be refused with a sentence."""
    trained = testers()
    others: list[Any] = [*datamodules().values(), *CALLBACKS]

    def use(tester: MethodTester, changes: dict[str, Any]) -> None:
        torch.manual_seed(0)
        train(tester.method(**(tester.tiny | changes)), tester.batch(tester.size), folder)

    while True:
        tester = trained[random.integers(len(trained))]
        cls = tester.method if random.random() < 0.7 else others[random.integers(len(others))]
        names = list(inspect.signature(cls).parameters)
        changes = {
            names[random.integers(len(names))]: VALUES[random.integers(len(VALUES))]
            for _ in range(random.integers(1, 4))
            if names
        }
        what = f"{cls.__name__}(**{changes!r:.300})"
        if cls is tester.method:
            yield Case(what, partial(use, tester, changes))
        else:
            required = {"root": str(folder), "content": str(folder), "style": str(folder)}
            given = {name: value for name, value in required.items() if name in names} | changes
            yield Case(what, partial(cls, **given))


def damaged_batch(batch: dict[str, Any], random: np.random.Generator) -> Any:
    """A batch in which one thing is wrong, or perhaps only unusual."""
    tensors = [key for key, value in batch.items() if isinstance(value, Tensor)]
    key = tensors[random.integers(len(tensors))]
    value = batch[key]
    changed: Any
    match random.integers(20):
        case 0:
            return tuple(batch.values())
        case 1:
            return [batch[name] for name in tensors]
        case 2:
            return value
        case 3:
            return {name: item for name, item in batch.items() if name != key}
        case 4:
            return {name.upper(): item for name, item in batch.items()}
        case 5:
            return dict(zip(batch, [*list(batch.values())[1:], value], strict=True))
        case 6:
            changed = value.numpy()
        case 7:
            changed = value[0]
        case 8:
            changed = value[None]
        case 9:
            changed = value[..., :-3, :-5] if value.dim() > 1 else value[:-1]
        case 10:
            changed = value[..., :1, :1] if value.dim() > 1 else value[:1]
        case 11:
            changed = value[:0]
        case 12:
            changed = torch.full_like(value, torch.nan) if value.is_floating_point() else value.float()
        case 13:
            changed = (value.float() + 1) * 127.5
        case 14:
            changed = value.double() if value.is_floating_point() else value.to(torch.int32)
        case 15:
            changed = value.to(torch.uint8)
        case 16:
            changed = value.repeat(1, 2, *[1] * (value.dim() - 2))
        case 17:
            changed = value - 300
        case 18:
            changed = value[:1]
        case _:
            changed = VALUES[random.integers(len(VALUES))]
    return batch | {key: changed}


def loaders(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """Batches of somebody's own loader."""
    trained = testers()
    while True:
        tester = trained[random.integers(len(trained))]
        batch = damaged_batch(tester.batch(tester.size), random)
        items = batch.items() if isinstance(batch, dict) else []
        shown = {key: tuple(value.shape) if isinstance(value, Tensor) else value for key, value in items}
        what = f"{tester.method.__name__} with {shown or type(batch)!r:.300}"
        yield Case(what, partial(train, tester.method(**tester.tiny), batch, folder))


FUZZERS: dict[str, Fuzzer] = {"arguments": arguments, "loaders": loaders}
