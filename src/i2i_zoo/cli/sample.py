"""``i2i-zoo sample``."""

from __future__ import annotations

import argparse
from pathlib import Path

from i2i_zoo.errors import ZooError, printable

from .conditions import EPILOG, load_named
from .parser import Parser, natural, positive

HELP = "make pictures from noise with a checkpoint"

#: Pictures in a row of the contact sheet.
COLUMNS = 8


def add_arguments(command: Parser) -> None:
    command.epilog = EPILOG.format(verb="sample")
    command.add_argument("name", metavar="NAME", help="checkpoint: a name of the list, hf:org/repo, or a folder")
    command.add_argument("-n", "--count", type=positive, default=16, metavar="N", help="how many [%(default)s]")
    command.add_argument(
        "--seed", type=natural, default=0, metavar="N", help="the same seed makes the same pictures [%(default)s]"
    )
    command.add_argument(
        "-o", "--output", type=Path, default=Path("samples"), help="folder for the pictures [%(default)s]"
    )
    command.add_argument("--batch", type=positive, default=16, help="pictures at a time [%(default)s]")
    command.add_argument("--device", help="cuda, cuda:1, mps or cpu; by default a GPU if there is one")
    command.set_defaults(devices=1)
    command.add_argument("--overwrite", action="store_true", help="make pictures again if they exist")


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from i2i_zoo.callbacks.samples import grid
    from i2i_zoo.media.files import save_picture
    from i2i_zoo.media.pictures import read_picture, to_uint8

    if args.output.is_file():
        raise ZooError(f"-o {args.output}: the pictures are written into a folder; name one.")
    model = args.model or load_named(args.name, args.device)
    sampler = model.sampler(**args.conditions)
    jobs = {args.output / f"{args.seed}-{index:04d}.png": index for index in range(args.count)}
    todo = {target: index for target, index in jobs.items() if args.overwrite or not target.exists()}
    with tqdm(total=len(todo), unit=" pictures", disable=None) as progress:
        for _ in sampler.sample_files(todo, args.seed, args.batch):
            progress.update()
    pictures = [to_uint8(read_picture(target)) for target in jobs]
    sheet = args.output / f"{args.seed}-sheet.png"
    save_picture(grid([pictures[i : i + COLUMNS] for i in range(0, len(pictures), COLUMNS)]), sheet)
    there = f", {len(jobs) - len(todo)} were there already" if len(jobs) > len(todo) else ""
    print(f"{len(todo)} made{there}: {printable(str(args.output))}\n{printable(str(sheet))}  all of them")
