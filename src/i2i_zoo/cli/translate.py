"""``i2i-zoo translate``."""

from __future__ import annotations

import argparse
import functools
import glob
import multiprocessing
import os
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError, printable
from i2i_zoo.examples import example
from i2i_zoo.registry import check_exists

from .conditions import EPILOG, load_named
from .parser import Parser, positive

if TYPE_CHECKING:
    from i2i_zoo.methods.base import Method

HELP = "translate pictures with a checkpoint"

#: Each source to its own conditions (``per_source``).
OwnConditions = Mapping[Path, dict[str, Any]]


def add_arguments(command: Parser) -> None:
    command.epilog = EPILOG.format(verb="translate")
    command.add_argument("name", metavar="NAME", help="checkpoint: a name of the list, hf:org/repo, or a folder")
    command.add_argument(
        "inputs", metavar="INPUT", nargs="*", help="files, folders or globs; none for the checkpoint's own example"
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("translated"),
        help="folder for the results, PNG files of 8 bits a channel [%(default)s]",
    )
    command.add_argument("--batch", type=positive, default=4, help="pictures at a time [%(default)s]")
    command.add_argument("--device", help="cuda, cuda:1, mps or cpu; by default a GPU if there is one")
    command.add_argument(
        "--devices", type=positive, default=1, metavar="N", help="GPUs, or processes with --device cpu"
    )
    command.add_argument("--overwrite", action="store_true", help="translate again if the result exists")


def run(args: argparse.Namespace) -> int:
    from i2i_zoo.media.files import PICTURE_SUFFIXES

    if args.output.suffix.lower() in PICTURE_SUFFIXES or args.output.is_file():
        raise ZooError(f"-o {args.output}: results are written into a folder, under the names of the inputs; name one.")
    check_exists(args.name)  # also where all results are there already
    if not args.inputs:
        return translate_example(args)
    jobs = plan(args.inputs, args.output)
    todo = {target: source for target, source in jobs.items() if args.overwrite or not target.exists()}
    failures: list[str] = []
    if todo:
        shared, own = split_conditions(args, todo)
        if args.devices == 1:
            model = args.model or load_named(args.name, args.device)
            failures += translate_all(model, todo, args.batch, shared, own)
        else:
            failures += translate_sharded(args, todo, shared, own)
    for failure in failures:
        print(f"i2i-zoo: {printable(failure)}", file=sys.stderr)
    there = f", {len(jobs) - len(todo)} were there already" if len(jobs) > len(todo) else ""
    failed = f", {len(failures)} could not be" if failures else ""
    print(f"{len(todo) - len(failures)} translated{there}{failed}: {printable(str(args.output))}")
    return 1 if failures else 0


def split_conditions(args: argparse.Namespace, jobs: Mapping[Path, Path]) -> tuple[dict[str, Any], OwnConditions]:
    """The conditions that all sources share, and those that each source has for itself.

    For the latter, the command line names a file if there is one source, or a folder with a file of the same name for
    each source.
    """
    shared, own = dict(args.conditions), {source: dict[str, Any]() for source in jobs.values()}
    for condition in args.model.conditions if shared else ():
        if condition.per_source and condition.name in shared:
            place = Path(shared.pop(condition.name))
            for target, source in jobs.items():
                own[source][condition.name] = partner(
                    place, target.relative_to(args.output), len(jobs), condition.option
                )
    return shared, own


def partner(place: Path, name: Path, count: int, option: str) -> Path:
    """The file for one source: ``place`` itself, or the file of this name and any suffix in the folder ``place``."""
    from i2i_zoo.media.files import PICTURE_SUFFIXES

    if not place.is_dir():
        if count > 1:
            raise ZooError(f"{option} {place}: this is one file, and there are {count} inputs; name a folder.")
        return place
    stem = str(name.with_suffix(""))
    for form in (stem, *(unicodedata.normalize(form, stem) for form in ("NFC", "NFD"))):
        for suffix in PICTURE_SUFFIXES:
            if (file := place / f"{form}{suffix}").is_file():
                return file
    raise ZooError(f"{option} {place}: the folder has no file {stem}; add it.")


def translate_example(args: argparse.Namespace) -> int:
    """Translate the checkpoint's example, and write the result and a picture of both side by side."""
    source = example(args.name)
    if source is None:
        raise ZooError(f"{args.name} ships no example: give pictures, i2i-zoo translate {args.name} PICTURE.")
    from i2i_zoo.callbacks.samples import grid
    from i2i_zoo.media.files import save_picture
    from i2i_zoo.media.geometry import resize
    from i2i_zoo.media.pictures import read_picture, to_pil, to_uint8

    model = args.model or load_named(args.name, args.device)
    conditions, shipped = dict(args.conditions), []
    for condition in model.conditions:
        file = example(args.name, condition.name)
        if condition.required and condition.name not in conditions and file is not None:
            conditions[condition.name] = str(file)
            shipped.append(file)
    translator = model.translator(**conditions)
    if translator.direction != model.directions[0]:
        raise ZooError(f"{args.name} ships an example of A: give pictures of B to translate with --direction ba.")
    read = translator.read(source)
    (result,) = translator.translate_read([read])
    save_picture(result, args.output / f"{args.name}.png")
    height, width = read.values.shape[-2:]
    shown = [to_pil(translator.show_source(read.values[None])[0])]
    shown += [to_pil(resize(read_picture(file), (height, width))) for file in shipped]
    beside = args.output / f"{args.name}-beside.png"
    save_picture(grid([[to_uint8(read_picture(picture)) for picture in (*shown, result)]]), beside)
    print(printable(f"{args.output / args.name}.png  the result"))
    print(printable(f"{beside}  input and result beside each other"))
    return 0


def plan(inputs: Sequence[str], output: Path) -> dict[Path, Path]:
    """Each file to write to its source.

    Raises `ZooError` for a missing input, for two inputs with the same result file, and for a result that would replace
    an input.
    """
    found: dict[Path, list[tuple[Path, Path]]] = {}
    for text in inputs:
        pictures = list(expand(text))
        if not pictures:
            what = "there is no such file or folder" if not Path(text).is_dir() else "the folder holds no pictures"
            raise ZooError(f"{text}: {what}; check the path.")
        if Path(text).is_dir() and real(text) in (real(output), *real(output).parents):
            raise ZooError(f"-o {output}: results would lie among the pictures of {text}; choose a folder outside it.")
        for source, relative in pictures:
            found.setdefault(output / relative.with_suffix(".png"), []).append((source, relative))
    jobs: dict[Path, Path] = {}
    for target, pictures in found.items():
        beside = len({real(source.parent) for source, _ in pictures}) == 1
        alone = len({real(source) for source, _ in pictures}) == 1
        for source, relative in pictures:
            # x.jpg and x.png in one folder become x.jpg.png and x.png.png.
            own = target if alone or not beside else output / f"{relative}.png"
            if own in jobs and real(jobs[own]) != real(source):
                raise ZooError(f"{jobs[own]} and {source} would both be written to {own}; translate them apart.")
            jobs[own] = source
    sources = {real(source) for source in jobs.values()}
    for target, source in jobs.items():
        if real(target) in sources:
            raise ZooError(f"{source}: the result would replace an input, {target}; choose another folder with -o.")
    return jobs


def real(path: str | Path) -> Path:
    """The path without links; unlike `Path.resolve`, it raises nothing for a link to itself."""
    return Path(os.path.realpath(path))


def expand(text: str) -> Iterator[tuple[Path, Path]]:
    """The pictures of an input, each with its path relative to the input's folder."""
    from i2i_zoo.media.files import FOREIGN_FOLDERS, PICTURE_SUFFIXES, find_files

    path = Path(text)
    if path.is_dir():
        for file in find_files(path):
            yield file, file.relative_to(path)
    elif path.exists() or not glob.has_magic(text):
        if path.exists():
            yield path, Path(path.name)
    else:
        parts = path.parts
        fixed = Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
        for match in sorted(glob.glob(text, recursive=True)):
            file = Path(match)
            relative = file.relative_to(fixed)
            foreign = any(part.lower() in FOREIGN_FOLDERS for part in relative.parts[:-1])
            if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file() and not foreign:
                yield file, relative


def translate_all(
    model: Method,
    jobs: Mapping[Path, Path],
    batch: int,
    conditions: Mapping[str, Any],
    own: OwnConditions,
    quiet: bool = False,
) -> list[str]:
    """Translate and write each file, and return a sentence for each failure."""
    from tqdm import tqdm

    failures = []
    translator = model.translator(**conditions)
    with tqdm(total=len(jobs), unit=" pictures", disable=quiet or None) as progress:
        for _, failure in translator.translate_files(jobs, batch, own.__getitem__):
            failures += [] if failure is None else [failure]
            progress.update()
    return failures


def translate_sharded(
    args: argparse.Namespace, jobs: Mapping[Path, Path], conditions: Mapping[str, Any], own: OwnConditions
) -> list[str]:
    """`translate_all` with one process for each device.  They take turns with the same batches as a single process."""
    from tqdm import tqdm

    from i2i_zoo.devices import find_devices

    devices, targets = find_devices(args.device, args.devices), list(jobs)
    parts = [
        {target: jobs[target] for target in targets[i : i + args.batch]} for i in range(0, len(targets), args.batch)
    ]
    context, failures = multiprocessing.get_context("spawn"), dict[int, list[str]]()
    pools = [ProcessPoolExecutor(1, context, initializer=end_with_parent, initargs=(os.getpid(),)) for _ in devices]
    try:
        futures = {}
        for i, part in enumerate(parts):
            pool, device = pools[i % len(pools)], devices[i % len(pools)]
            mine = {source: own[source] for source in part.values()}
            job = pool.submit(translate_part, args.name, device, len(devices), part, args.batch, conditions, mine)
            futures[job] = i
        with tqdm(total=len(targets), unit=" pictures", disable=None) as progress:
            for future in as_completed(futures):
                failures[futures[future]] = future.result()
                progress.update(len(parts[futures[future]]))
    except BrokenProcessPool:
        raise ZooError(
            "A process that translates was killed, most often because the memory was full: use fewer --devices "
            "or a smaller --batch; finished results are kept."
        ) from None
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)
    return [failure for i in sorted(failures) for failure in failures[i]]


def translate_part(
    name: str,
    device: str,
    processes: int,
    jobs: Mapping[Path, Path],
    batch: int,
    conditions: Mapping[str, Any],
    own: OwnConditions,
) -> list[str]:
    """Translate one batch of `translate_sharded` in one of its processes."""
    if device == "cpu":
        import torch

        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    return translate_all(load_once(name, device), jobs, batch, conditions, own, quiet=True)


def end_with_parent(parent: int) -> None:
    """End this process soon after the process that started it, however that one ends."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@functools.cache
def load_once(name: str, device: str) -> Method:
    return load_named(name, device)
