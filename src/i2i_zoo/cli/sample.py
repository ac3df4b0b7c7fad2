"""``i2i-zoo sample``."""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError, printable

from .conditions import EPILOG, load_named
from .parser import Parser, natural, positive
from .sharding import Call, in_batches, launched_with, sharded

if TYPE_CHECKING:
    from i2i_zoo.tasks.sampler import Sampler

HELP = "make pictures or clips from noise with a checkpoint"


def add_arguments(command: Parser) -> None:
    command.epilog = EPILOG.format(verb="sample")
    command.add_argument("name", metavar="NAME", help="checkpoint: a name of the list, hf:org/repo, or a folder")
    command.add_argument("-n", "--count", type=positive, default=16, metavar="N", help="how many [%(default)s]")
    command.add_argument(
        "--seed", type=natural, default=0, metavar="N", help="the same seed makes the same ones [%(default)s]"
    )
    command.add_argument(
        "-o", "--output", type=Path, default=Path("samples"), help="folder for the files [%(default)s]"
    )
    command.add_argument("--batch", type=positive, default=16, help="how many at a time [%(default)s]")
    command.add_argument("--device", help="cuda, cuda:1, mps or cpu; by default a GPU if there is one")
    command.add_argument(
        "--devices", type=positive, default=1, metavar="N", help="GPUs, or processes with --device cpu"
    )
    command.add_argument("--overwrite", action="store_true", help="make files again if they exist")


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from i2i_zoo.callbacks.samples import grid
    from i2i_zoo.media.files import save_picture

    launched = launched_with(args)
    if args.output.is_file():
        raise ZooError(f"-o {args.output}: the files are written into a folder; name one.")
    model = args.model or load_named(args.name, "cpu" if args.devices > 1 else args.device)
    sampler = model.sampler(**args.conditions)
    jobs = {args.output / f"{args.seed}-{index:04d}{sampler.suffix}": index for index in range(args.count)}
    share = launched.share(jobs)
    todo = {target: index for target, index in share.items() if args.overwrite or not target.exists()}
    if args.devices == 1:
        with tqdm(total=len(todo), unit=f" {sampler.what}", disable=None) as progress:
            for _ in sampler.sample_files(todo, args.seed, args.batch):
                progress.update()
    else:
        calls = [
            Call(sample_part, (args.name, part, args.seed, args.conditions), len(part))
            for part in in_batches(todo, args.batch)
        ]
        sharded(calls, args, sampler.what)
    there = f", {len(share) - len(todo)} were there already" if len(share) > len(todo) else ""
    print(f"{len(todo)} made{there}: {printable(str(args.output))}{launched.said}")
    if not all(target.exists() for target in jobs):
        return  # other processes are not done yet, and the last one draws the sheet
    targets, row = list(jobs), sampler.per_row
    rows = [targets[start : start + row] for start in range(0, len(targets), row)]
    sheet = args.output / f"{args.seed}-sheet.png"
    save_picture(grid([[picture for target in files for picture in sampler.shown(target)] for files in rows]), sheet)
    print(f"{printable(str(sheet))}  all of them")


def sample_part(device: str, name: str, jobs: Mapping[Path, int], seed: int, conditions: Mapping[str, Any]) -> None:
    """Make one batch in one of several processes."""
    for _ in sampler_once(name, device, json.dumps(conditions)).sample_files(jobs, seed, len(jobs)):
        pass


@functools.cache
def sampler_once(name: str, device: str, conditions: str) -> Sampler:
    """The sampler of a checkpoint with conditions, which are JSON."""
    return load_named(name, device).sampler(**json.loads(conditions))
