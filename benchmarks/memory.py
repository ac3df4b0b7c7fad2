"""Peak memory of training SPADE at 512x256 and pix2pixHD at 1024x512 with the papers' networks, on a CPU.

    python benchmarks/memory.py

Two steps in 32 bit, a batch of one, without the perceptual loss; the peak of a process of each, some 0.7 GB of which
are the libraries.
"""

from __future__ import annotations

import argparse
import multiprocessing
from typing import Any

import torch
from race import batches, peak_of, trainer

from i2i_zoo.methods.pix2pixhd import Pix2PixHD
from i2i_zoo.methods.spade import SPADE

CASES: dict[str, tuple[Any, int, int]] = {"SPADE": (SPADE, 256, 512), "pix2pixHD": (Pix2PixHD, 512, 1024)}


def train(name: str, args: argparse.Namespace) -> None:
    method, height, width = CASES[name]
    model = method(lambda_perceptual=0.0)
    trainer("32", "cpu", 2).fit(model, batches(model.example_batch(1, height, width), 2))


def main() -> None:
    context = multiprocessing.get_context("spawn")
    for name, (_, height, width) in CASES.items():
        results = context.Queue()
        args = argparse.Namespace(threads=torch.get_num_threads(), device="cpu")
        process = context.Process(target=peak_of, args=(train, name, args, results))
        process.start()
        print(f"{name} at {width}x{height}: {results.get() / 1e3:.1f} GB")
        process.join()


if __name__ == "__main__":
    main()
