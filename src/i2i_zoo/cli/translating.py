"""The work of ``i2i-zoo translate``, in this process or in one for each device."""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError

from .conditions import load_named
from .sharding import Call, in_batches, sharded

if TYPE_CHECKING:
    from PIL.Image import Image

    from i2i_zoo.tasks.translator import Translator

#: Each source to its own conditions (``per_source``).
OwnConditions = Mapping[Path, dict[str, Any]]


def made_from(name: str, conditions: Mapping[str, Any]) -> str:
    """What a clip is made from beside its source, in words: the checkpoint and the conditions for all sources."""
    folder = Path(name)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return json.dumps([name, states, conditions], default=str)


def translate_all(
    translator: Translator, jobs: Mapping[Path, Path], batch: int, own: OwnConditions, words: str, quiet: bool = False
) -> list[str]:
    """Translate and write each file, and return a sentence for each failure.  ``words`` come from `made_from`."""
    from tqdm import tqdm

    from i2i_zoo.tasks.videos import translate_clips

    def shown(frames: Iterator[Image], name: str, count: int) -> Iterator[Image]:
        yield from tqdm(frames, name, count, unit=" frames", leave=False, disable=quiet or None)

    pictures, clips = parted(translator, jobs)
    failures = []
    with tqdm(total=len(jobs), unit=" files", disable=quiet or None) as progress:
        for _, failure in chain(
            translator.translate_files(pictures, batch, own.__getitem__),
            translate_clips(translator, clips, batch, own.__getitem__, shown, words),
        ):
            failures += [] if failure is None else [failure]
            progress.update()
    return failures


def parted(translator: Translator | None, jobs: Mapping[Path, Path]) -> tuple[dict[Path, Path], dict[Path, Path]]:
    """The jobs whose results are pictures, and those whose results are clips."""
    from i2i_zoo.media.clips import is_clip

    whole = translator is not None and translator.takes_clips
    clips = {target: source for target, source in jobs.items() if whole or is_clip(source)}
    return {target: source for target, source in jobs.items() if target not in clips}, clips


def translate_sharded(
    args: argparse.Namespace, jobs: Mapping[Path, Path], conditions: Mapping[str, Any], own: OwnConditions
) -> list[str]:
    """`translate_all` with one process for each device.

    They take turns with the same batches of pictures as a single process, and with segments of clips, if the model has
    no memory; else each gets a whole clip.
    """
    from i2i_zoo.media.clips import is_clip
    from i2i_zoo.tasks.translator import about
    from i2i_zoo.tasks.videos import finish, forget_nothing_made, kept_frames, segments

    translator = None
    if args.model or any(map(is_clip, jobs.values())):
        translator = (args.model or load_named(args.name, "cpu")).translator(**conditions)
    pictures, clips = parted(translator, jobs)
    words, failures = made_from(args.name, conditions), list[str]()

    def call(part: dict[Path, Path]) -> Call:
        parts_own = {source: own[source] for source in part.values()}
        return Call(translate_part, (args.name, part, args.batch, conditions, parts_own, words), len(part))

    calls = [call(part) for part in in_batches(pictures, args.batch)]
    if translator is not None and translator.takes_clips:
        calls += [call({target: source}) for target, source in clips.items()]
        clips = {}
    divided: dict[Path, list[int]] = {}
    for target, source in clips.items():
        try:
            parts = segments(source, args.devices)
            kept_frames(target, source, words)
        except ZooError as error:
            failures.append(about(error, str(source)))
            continue
        divided[target] = [len(calls) + number for number in range(len(parts))]
        arguments = (args.name, target, source, args.batch, conditions, own[source], words)
        calls += [Call(translate_segment, (*arguments, part), int(number == 0)) for number, part in enumerate(parts)]
    results = sharded(calls, args, "files")
    for target, numbers in divided.items():
        source = clips[target]
        failed = [failure for number in numbers for failure in results[number]]
        try:
            if not failed:
                finish(kept_frames(target, source, words), source)
        except ZooError as error:
            failed = [about(error, str(source))]
        if failed:
            forget_nothing_made(kept_frames(target, source, words))
        failures += failed[:1]
    whole = set(range(len(calls))).difference(chain.from_iterable(divided.values()))
    return [*chain.from_iterable(results[number] for number in sorted(whole)), *failures]


def translate_part(
    device: str,
    name: str,
    jobs: Mapping[Path, Path],
    batch: int,
    conditions: Mapping[str, Any],
    own: OwnConditions,
    words: str,
) -> list[str]:
    """Translate one batch of `translate_sharded` in one of its processes."""
    return translate_all(translator_once(name, device, json.dumps(conditions)), jobs, batch, own, words, quiet=True)


def translate_segment(
    device: str,
    name: str,
    target: Path,
    source: Path,
    batch: int,
    conditions: Mapping[str, Any],
    own: Mapping[str, Any],
    words: str,
    segment: tuple[int, int | None],
) -> list[str]:
    """Make the frames of one segment of a clip in one of the processes of `translate_sharded`."""
    from i2i_zoo.tasks.translator import about
    from i2i_zoo.tasks.videos import kept_frames, make_frames

    try:
        translator = translator_once(name, device, json.dumps(conditions))
        make_frames(translator, source, kept_frames(target, source, words), batch, own, segment=segment)
    except ZooError as error:
        return [about(error, str(source))]
    return []


@functools.cache
def translator_once(name: str, device: str, conditions: str) -> Translator:
    """The translator of a checkpoint with conditions, which are JSON, for one of several devices.

    Raises `ZooError` if it makes each frame from those before it.
    """
    translator = load_named(name, device).translator(**json.loads(conditions))
    if translator.in_order:
        raise ZooError(
            f"{name} makes each frame from those before it, so that devices cannot share them: leave out --devices."
        )
    return translator
