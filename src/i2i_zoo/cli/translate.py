"""``i2i-zoo translate``."""

from __future__ import annotations

import argparse
import glob
import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError, printable
from i2i_zoo.registry import check_exists

from .conditions import EPILOG, load_named, split_conditions
from .parser import Parser, positive
from .sharding import launched_with
from .translating import OwnConditions, made_from, translate_all, translate_sharded

if TYPE_CHECKING:
    from i2i_zoo.devices import Launched
    from i2i_zoo.tasks.conditions import Condition
    from i2i_zoo.tasks.translator import Translator

HELP = "translate pictures and videos with a checkpoint"


def add_arguments(command: Parser) -> None:
    command.epilog = EPILOG.format(verb="translate")
    command.add_argument("name", metavar="NAME", help="checkpoint: a name of the list, hf:org/repo, or a folder")
    command.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="*",
        help="files, folders of pictures, or globs; none for the checkpoint's own example",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("translated"),
        help="folder for the results, or a file for the only one: 8-bit PNG for pictures; mp4, webm, GIF or WebP for "
        "clips [%(default)s]",
    )
    command.add_argument("--batch", type=positive, default=4, help="pictures at a time [%(default)s]")
    command.add_argument("--device", help="cuda, cuda:1, mps or cpu; by default a GPU if there is one")
    command.add_argument(
        "--devices", type=positive, default=1, metavar="N", help="GPUs, or processes with --device cpu"
    )
    command.add_argument("--overwrite", action="store_true", help="translate again if the result exists")


def run(args: argparse.Namespace) -> int:
    check_exists(args.name)  # also where all results are there already
    if not args.inputs:
        from .translate_example import translate_example

        return translate_example(args)
    launched, (shared, _) = launched_with(args), split_conditions(args)
    # Without conditions the model is not loaded yet, which is not needed if all results are there and are pictures.
    if args.model is None and (
        is_file_name(args.output) or any(map(has_points, args.inputs)) or to_do(args, plan(args.inputs, args.output))
    ):
        args.model = load_named(args.name, "cpu" if args.devices > 1 else args.device)
    translator = args.model.translator(**shared) if args.model else None
    jobs = launched.share(plan(args.inputs, args.output, translator))
    todo = to_do(args, jobs)
    failures: list[str] = []
    if todo and translator:
        if args.devices == 1:
            if translator.in_order:
                todo = whole_clips(args.name, todo, jobs, launched)
            own = own_conditions(args, todo)
            failures += translate_all(translator, todo, args.batch, own, made_from(args.name, shared))
        else:
            failures += translate_sharded(args, todo, shared, own_conditions(args, todo))
    for failure in failures:
        print(f"i2i-zoo: {printable(failure)}", file=sys.stderr)
    there = f", {len(jobs) - len(todo)} were there already" if len(jobs) > len(todo) else ""
    failed = f", {len(failures)} could not be" if failures else ""
    print(f"{len(todo) - len(failures)} translated{there}{failed}: {printable(str(args.output))}{launched.said}")
    return 1 if failures else 0


def to_do(args: argparse.Namespace, jobs: Mapping[Path, Path]) -> dict[Path, Path]:
    """The jobs whose results are not there, or are to be made again."""
    return {target: source for target, source in jobs.items() if args.overwrite or not target.exists()}


def whole_clips(
    name: str, todo: Mapping[Path, Path], jobs: Mapping[Path, Path], launched: Launched
) -> dict[Path, Path]:
    """The jobs of a model with a memory: all files of a folder, which are one clip, if any of them is to be done.

    They are in the order of their names: a shell puts 10.png before 2.png.  Raises `ZooError` if several processes
    would share them.
    """
    from i2i_zoo.media.files import in_order

    if launched.processes > 1:
        raise ZooError(
            f"{name} makes each frame from those before it, so that {launched.processes} processes cannot share them: "
            "start one process for each folder."
        )
    folders = {source.parent for source in todo.values()}
    ordered = sorted(jobs.items(), key=lambda job: in_order(job[1]))
    return {target: source for target, source in ordered if source.parent in folders}


def own_conditions(args: argparse.Namespace, jobs: Mapping[Path, Path]) -> OwnConditions:
    """The conditions that each source has for itself.

    The command line names a file if there is one source; or a folder with a file of the same name for each source; or
    one file that holds something for each source under its name.
    """
    from i2i_zoo.tasks.conditions import need

    own, (_, places) = {source: dict[str, Any]() for source in jobs.values()}, split_conditions(args)
    if args.model:
        need(type(args.model).__name__, [c for c in args.model.conditions if c.per_source], places)
    for condition in args.model.conditions if places else ():
        if condition.name in places:
            place, names = Path(places[condition.name]), [source.name for source in jobs.values()]
            values = condition.kind.by_name(place, names) if len(jobs) > 1 and not place.is_dir() else None
            if values is None:
                results = [
                    Path(source.name) if target == args.output else target.relative_to(args.output)
                    for target, source in jobs.items()
                ]
                values = [partner(place, name, len(jobs), condition) for name in results]
            for source, value in zip(jobs.values(), values, strict=True):
                own[source][condition.name] = value
    return own


def partner(place: Path, name: Path, count: int, condition: Condition) -> Path:
    """The file for one source: ``place`` itself, or the file of this name in the folder ``place``, however it ends."""
    if not place.is_dir():
        if count > 1:
            raise ZooError(
                f"{condition.option} {place}: this is one file, and there are {count} inputs; name a folder."
            )
        return place
    stem = str(name.with_suffix(""))
    for form in (stem, *(unicodedata.normalize(form, stem) for form in ("NFC", "NFD"))):
        for ending in condition.kind.endings:
            if (file := place / f"{form}{ending}").is_file():
                return file
    raise ZooError(f"{condition.option} {place}: the folder has no file {stem}; add it.")


def has_points(text: str) -> bool:
    """Whether an input has poses or landmarks, so that the model says which files and results there are."""
    from i2i_zoo.media.faces import LANDMARK_SUFFIXES
    from i2i_zoo.media.files import find_files
    from i2i_zoo.media.pose_files import POSE_SUFFIXES

    path = Path(text)
    if path.is_dir():
        return bool(find_files(path, (*LANDMARK_SUFFIXES, ".json")))
    return path.suffix.lower() in (*POSE_SUFFIXES, *LANDMARK_SUFFIXES)


def plan(inputs: Sequence[str], output: Path, translator: Translator | None = None) -> dict[Path, Path]:
    """Each file to write to its source; its suffix is the translator's, by default .png, or a clip's own.

    They lie in the folder ``output``, or it is the file for the only one.  Folders and globs are searched for the files
    that the translator takes, by default for pictures.

    Raises `ZooError` for a missing input, for two inputs with the same result file, and for a result that would replace
    an input.
    """
    from i2i_zoo.media.clips import is_clip, suffix_of_result
    from i2i_zoo.media.files import PICTURE_SUFFIXES, described

    suffix, endings = (translator.suffix, translator.source_suffixes) if translator else (".png", PICTURE_SUFFIXES)
    clips = translator is not None and translator.takes_clips

    def named(source: Path) -> str:
        return suffix_of_result(source) if is_clip(source) else suffix

    found: dict[Path, list[tuple[Path, Path]]] = {}
    for text in inputs:
        pictures = list(clips_below(Path(text), suffix) if clips and Path(text).is_dir() else expand(text, endings))
        if not pictures:
            what = f"the folder holds no {described(endings)}"
            what = what if Path(text).is_dir() else "there is no such file or folder"
            raise ZooError(f"{text}: {what}; check the path.")
        if Path(text).is_dir() and real(text) in (real(output), *real(output).parents):
            raise ZooError(f"-o {output}: results would lie among the pictures of {text}; choose a folder outside it.")
        for source, relative in pictures:
            found.setdefault(output / relative.with_suffix(named(source)), []).append((source, relative))
    jobs: dict[Path, Path] = {}
    for target, pictures in found.items():
        beside = len({real(source.parent) for source, _ in pictures}) == 1
        alone = len({real(source) for source, _ in pictures}) == 1
        for source, relative in pictures:
            # x.jpg and x.png in one folder become x.jpg.png and x.png.png.
            own = target if alone or not beside else output / f"{relative}{named(source)}"
            if own in jobs and real(jobs[own]) != real(source):
                raise ZooError(f"{jobs[own]} and {source} would both be written to {own}; translate them apart.")
            jobs[own] = source
    if is_file_name(output):
        jobs = {output: only(jobs, output)}
    sources = {real(source) for source in jobs.values()}
    for target, source in jobs.items():
        if real(target) in sources:
            raise ZooError(f"{source}: the result would replace an input, {target}; choose another folder with -o.")
    return jobs


def is_file_name(output: Path) -> bool:
    """Whether ``-o`` names a file, not a folder."""
    from i2i_zoo.media.files import PICTURE_SUFFIXES
    from i2i_zoo.media.video_files import VIDEO_SUFFIXES

    named = output.suffix.lower() in (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES)
    return (named or output.is_file()) and not output.is_dir()


def only(jobs: Mapping[Path, Path], output: Path) -> Path:
    """The source of the only job, whose result is to be the file ``output``.

    Raises `ZooError` if there are more jobs, or if the result cannot be written in a file that ends so.
    """
    from i2i_zoo.media.clips import CLIP_SUFFIXES

    if len(jobs) > 1:
        raise ZooError(f"-o {output}: this is one file, and there are {len(jobs)} results; name a folder.")
    ((target, source),) = jobs.items()
    endings = CLIP_SUFFIXES if target.suffix in CLIP_SUFFIXES else (target.suffix,)
    if output.suffix.lower() not in endings:
        raise ZooError(f"-o {output}: the result for {source} is written as {' or '.join(endings)}; name such a file.")
    return source


def real(path: str | Path) -> Path:
    """The path without links; unlike `Path.resolve`, it raises nothing for a link to itself."""
    return Path(os.path.realpath(path))


def clips_below(folder: Path, suffix: str) -> Iterator[tuple[Path, Path]]:
    """The clips of a folder as `expand` has files: files of several frames, and folders of frames or of their poses.

    The name of a folder ends with ``suffix``, as if it was a file.
    """
    from i2i_zoo.media.clips import is_clip
    from i2i_zoo.media.files import PICTURE_SUFFIXES, find_files

    found = {file if is_clip(file) else file.parent: None for file in find_files(folder, (*PICTURE_SUFFIXES, ".json"))}
    for clip in found:
        relative = clip.relative_to(folder) if clip != folder else Path(folder.resolve().name)
        yield clip, relative if clip.is_file() else relative.with_name(f"{relative.name}{suffix}")


def expand(text: str, endings: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
    """The files of an input with these endings, each with its path relative to the input's folder; videos, if it names
    them."""
    from i2i_zoo.media.files import FOREIGN_FOLDERS, find_files, in_order
    from i2i_zoo.media.video_files import VIDEO_SUFFIXES

    path = Path(text)
    if path.is_dir():
        for file in find_files(path, endings):
            yield file, file.relative_to(path)
    elif path.exists() or not glob.has_magic(text):
        if path.exists():
            yield path, Path(path.name)
    else:
        parts = path.parts
        fixed = Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
        for match in sorted(glob.glob(text, recursive=True), key=in_order):
            file = Path(match)
            relative = file.relative_to(fixed)
            foreign = any(part.lower() in FOREIGN_FOLDERS for part in relative.parts[:-1])
            if file.suffix.lower() in (*endings, *VIDEO_SUFFIXES) and file.is_file() and not foreign:
                yield file, relative
