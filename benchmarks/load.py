"""`load` of a full-size checkpoint against building the network and `torch.load`: pix2pix's U-Net 256, 218 MB.

python benchmarks/load.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import i2i_zoo
from i2i_zoo.methods.pix2pix import Pix2Pix


def best(action: Callable[[], object], rounds: int = 7) -> float:
    """Seconds of the fastest of some rounds, after one that fills the disk's cache."""
    action()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        i2i_zoo.save(Pix2Pix(), folder)
        pickle = Path(folder, "generator.pth")
        torch.save(Pix2Pix().generator.state_dict(), pickle)

        def build_and_load() -> Pix2Pix:
            model = Pix2Pix()
            model.generator.load_state_dict(torch.load(pickle, weights_only=True))
            return model.eval()

        ours, theirs = best(lambda: i2i_zoo.load(folder)), best(build_and_load)
        megabytes = Path(folder, "model.safetensors").stat().st_size / 1e6
    print(f"{megabytes:.0f} MB: load {ours * 1000:.0f} ms, build and torch.load {theirs * 1000:.0f} ms: ", end="")
    print(f"{theirs / ours:.1f} times as fast")


if __name__ == "__main__":
    main()
