"""``i2i-zoo sample``."""

from __future__ import annotations

import argparse
from pathlib import Path

from i2i_zoo.errors import ZooError, printable

from .conditions import EPILOG, load_named
from .parser import Parser, natural, positive

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
    command.set_defaults(devices=1)
    command.add_argument("--overwrite", action="store_true", help="make files again if they exist")


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from i2i_zoo.callbacks.samples import grid
    from i2i_zoo.media.files import save_picture

    if args.output.is_file():
        raise ZooError(f"-o {args.output}: the files are written into a folder; name one.")
    model = args.model or load_named(args.name, args.device)
    sampler = model.sampler(**args.conditions)
    jobs = {args.output / f"{args.seed}-{index:04d}{sampler.suffix}": index for index in range(args.count)}
    todo = {target: index for target, index in jobs.items() if args.overwrite or not target.exists()}
    with tqdm(total=len(todo), unit=f" {sampler.what}", disable=None) as progress:
        for _ in sampler.sample_files(todo, args.seed, args.batch):
            progress.update()
    targets, row = list(jobs), sampler.per_row
    rows = [targets[start : start + row] for start in range(0, len(targets), row)]
    sheet = args.output / f"{args.seed}-sheet.png"
    save_picture(grid([[picture for target in files for picture in sampler.shown(target)] for files in rows]), sheet)
    there = f", {len(jobs) - len(todo)} were there already" if len(jobs) > len(todo) else ""
    print(f"{len(todo)} made{there}: {printable(str(args.output))}\n{printable(str(sheet))}  all of them")
