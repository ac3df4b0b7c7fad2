"""``i2i-zoo benchmark``."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError, choices
from i2i_zoo.registry import ENTRIES, METHODS, method_class

from .parser import Parser, height_and_width, positive
from .terminal import fitting

if TYPE_CHECKING:
    from i2i_zoo.data.splits import SplitData
    from i2i_zoo.methods.base import Method

HELP = "measure the speed of training and inference"

#: The columns that a narrow terminal shows last, the least needed first; ``--json`` has all.
LEAST = ("10 %", "90 %", "GFLOP", "parameters", "efficiency", "memory", "devices")


def add_arguments(command: Parser) -> None:
    command.add_argument("name", metavar="NAME", help="checkpoint, or a method with its defaults")
    command.add_argument("--size", type=positive, nargs="+", default=[256], metavar="N", help="N or H W pixels [256]")
    command.add_argument("--batch", type=positive, default=1, help="pictures at a time on each device [%(default)s]")
    command.add_argument("--device", choices=["cpu", "cuda"], help="by default a GPU if there is one")
    command.add_argument("--devices", type=positive, default=1, metavar="N", help="measure 1, 2, 4 ... N devices [1]")
    command.add_argument("--precision", choices=["32", "bf16", "16"], default="32", help="[%(default)s]")
    command.add_argument("--compile", action="store_true", help="compile the networks")
    command.add_argument("--channels-last", action="store_true", help="in channels-last memory format")
    command.add_argument("--steps", type=positive, default=20, help="batches to time [%(default)s]")
    command.add_argument("--data", type=Path, metavar="ROOT", help="measure only how fast this dataset is read")
    command.add_argument("--workers", type=positive, default=4, help="processes that read, for --data [%(default)s]")
    command.add_argument("--json", action="store_true", help="a line of JSON for each result")


def run(args: argparse.Namespace) -> None:
    height, width = height_and_width(args.size)
    import json

    import torch

    from i2i_zoo import benchmark

    if args.data:
        result = benchmark.measure_data(*data_and_model(args.name, args.data, args.batch, args.workers))
        line = "{images_per_second} images/s, {images_per_second_per_worker} for each of {workers} workers"
        print(json.dumps(result) if args.json else line.format(**result))
        return
    setting = benchmark.Setting(
        args.name,
        device=args.device or ("cuda" if torch.cuda.is_available() else "cpu"),
        batch=args.batch,
        height=height,
        width=width,
        precision=args.precision,
        compile=args.compile,
        channels_last=args.channels_last,
        steps=args.steps,
    )
    results = benchmark.scaling(setting, args.devices)
    print(
        "\n".join(map(json.dumps, results))
        if args.json
        else fitting(functools.partial(benchmark.table, results), LEAST)
    )


def data_and_model(name: str, root: Path, batch: int, workers: int) -> tuple[SplitData, Method]:
    """The datamodule for a folder, and the model: those that a checkpoint was saved with, or the first that fits."""
    from i2i_zoo.data import datamodules

    from .names import find, is_folder_or_hub

    kinds = datamodules()
    sections: dict[str, Any] = {}
    if name in ENTRIES or is_folder_or_hub(name):
        named = find(name)
        sections = named.content()
        method = method_class(ENTRIES[name].method if name in ENTRIES else named.config.method)
    elif name in METHODS:
        method = method_class(name)
    else:
        raise ZooError(f"--data: {name} has no recipe; {choices(name, [*METHODS])}, or a checkpoint.")
    section = sections.get("data") or {"class_path": ""}
    kind, options = kinds.get(section["class_path"].rpartition(".")[2]), section.get("init_args") or {}
    if kind is None or not kind.folder_option:  # a method, or what was trained on rendered data
        keys, options = set(method.batch_keys), {}
        kind = next(kind for kind in kinds.values() if kind.folder_option and set(kind.batch_keys) >= keys)
    hparams = sections.get("model", {}).get("init_args") or {}
    data = kind(**{**options, kind.folder_option: str(root), "batch_size": batch, "num_workers": workers})
    return data, method(**hparams)
