"""Damaged files, archives, recipes and runs, hostile arguments and batches: each works or raises `ZooError`.

A refusal is one sentence; no case takes long or much memory.  ``python tests/fuzzing/test_fuzz.py 20000 [NAME ...]``
tries that many cases of each fuzzer.
"""

from __future__ import annotations

import contextlib
import itertools
import resource
import sys
import tempfile
import time
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pytest
from PIL import Image

from fuzzing import archives, files, models, runs
from i2i_zoo.errors import ZooError

FUZZERS = archives.FUZZERS | files.FUZZERS | models.FUZZERS | runs.FUZZERS
#: In the suite, all fuzzers together take a minute.
SECONDS = 60 / len(FUZZERS)
CASE_SECONDS, CASE_MEGABYTES = 10.0, 500  # for one case; what it may add to the process


@contextlib.contextmanager
def pixel_limit(pixels: int) -> Iterator[None]:
    """Pictures of more than twice as many pixels are refused."""
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def fuzz(name: str, seconds: float = float("inf"), count: int | None = None, seed: int = 0) -> tuple[int, list[str]]:
    """Try cases until the time is over.

    Returns:
        How many were refused in one sentence, and a line for each case that did neither that nor work.
    """
    refused, faults = 0, []
    begun = time.perf_counter()
    with pixel_limit(3_000_000), tempfile.TemporaryDirectory() as folder:
        cases = FUZZERS[name](Path(folder), np.random.default_rng(seed))
        for number, case in enumerate(itertools.islice(cases, count)):
            before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
            fault = ""
            try:
                case.run()
            except ZooError as error:
                refused += 1
                if not is_sentence(str(error)):
                    fault = f"not a sentence: {str(error)!r}"
            except BaseException as error:
                fault = f"{type(error).__name__}: {error}"
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            taken = time.process_time() - started
            if not fault and (grown > CASE_MEGABYTES or taken > CASE_SECONDS):
                fault = f"{grown:.0f} MB, {taken:.1f} s"
            if fault:
                faults.append(f"{name}, seed {seed}, case {number}: {case.what}: {fault}")
            if time.perf_counter() - begun > seconds:
                break
        cases.close()  # type: ignore[attr-defined]  # they are generators
    return refused, faults


def is_sentence(text: str) -> bool:
    """Whether a message is one line, ends as sentences do, and cannot steer a terminal."""
    return text.endswith((".", "?")) and not any(unicodedata.category(character) == "Cc" for character in text)


@pytest.mark.parametrize("name", FUZZERS)
@pytest.mark.filterwarnings("ignore")
def test_everything_works_or_is_refused(name: str) -> None:
    refused, faults = fuzz(name, SECONDS)
    assert faults == []
    assert refused > 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for which in sys.argv[2:] or FUZZERS:
        refusals, found = fuzz(which, count=int(sys.argv[1]))
        print(f"{which}: {refusals} refused, {len(found)} faults", *found, sep="\n", flush=True)
