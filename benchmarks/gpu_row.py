"""One row of the table of `gpu.sh`, as lines of JSON: a method of ours, or its network by itself.

    python benchmarks/gpu_row.py method cyclegan --device cuda --batch 4 --precision bf16 --compile
    python benchmarks/gpu_row.py network pix2pix --device cuda --mode graphs

``method`` is `i2i_zoo.benchmark`, with 1, 2, 4 ... devices up to ``--devices``.  ``network`` runs the generator forward
and backward, without an optimiser: eager, compiled, compiled for CUDA graphs (``reduce-overhead``), or captured in CUDA
graphs by hand (``graphs``).  It also reports the seconds until the third pass is done, most of which are for compiling.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from i2i_zoo.benchmark import AUTOCAST, Setting, Stopwatch, build, scaling

WARM_UP = 3


def method(args: argparse.Namespace) -> list[dict[str, Any]]:
    setting = Setting(
        args.name,
        args.device,
        batch=args.batch,
        height=args.size,
        width=args.size,
        precision=args.precision,
        compile=args.compile,
        channels_last=args.channels_last,
        steps=args.steps,
    )
    return scaling(setting, args.devices)


def network(args: argparse.Namespace) -> list[dict[str, Any]]:
    if args.mode == "graphs" and args.device == "cpu":
        raise SystemExit("CUDA graphs need a GPU.")
    device = torch.device(args.device)
    generator = build(args.name).main_network.to(device).train()
    picture = torch.rand(args.batch, 3, args.size, args.size, device=device) * 2 - 1
    watch, start = Stopwatch(device), time.perf_counter()
    step = faster(generator, picture, args.mode, args.precision)
    for count in range(WARM_UP + args.steps + 1):
        if count == WARM_UP:
            if device.type == "cuda":
                torch.cuda.synchronize()
            first = time.perf_counter() - start
        watch.lap()
        step()
    facts = {"what": "forward and backward", "ms": round(statistics.median(watch.milliseconds()), 2)}
    return [facts | {"first_s": round(first, 1), "peak_memory_mb": round(watch.peak_memory() / 1e6)}]


def faster(generator: nn.Module, picture: Tensor, mode: str, precision: str) -> Callable[[], None]:
    """One pass of the generator, forward and backward, in this mode."""
    run: Any = generator
    if mode in ("compile", "reduce-overhead"):
        run = torch.compile(generator, mode=None if mode == "compile" else mode)

    def autocast() -> contextlib.AbstractContextManager[Any]:
        enabled = precision in AUTOCAST
        # Graphs capture no casts of weights that are kept from call to call.
        return torch.autocast(picture.device.type, AUTOCAST.get(precision), enabled, cache_enabled=mode != "graphs")

    if mode == "graphs":
        with autocast():
            run = torch.cuda.make_graphed_callables(generator, (picture,))

    def step() -> None:
        generator.zero_grad(set_to_none=mode != "graphs")  # graphs write to the same gradients again
        with autocast():
            loss = run(picture).float().square().mean()
        loss.backward()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description="One row of the table of gpu.sh.")
    parser.add_argument("kind", choices=["method", "network"])
    parser.add_argument("name", help="a method or a checkpoint of the zoo")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--precision", choices=["32", "bf16", "16"], default="32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--mode", choices=["eager", "compile", "reduce-overhead", "graphs"], default="eager")
    args = parser.parse_args()
    for row in {"method": method, "network": network}[args.kind](args):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
