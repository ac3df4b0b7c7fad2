"""What the benchmarks against authors' code share: clocks, a race of steps in turns, memory, and the report."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import lightning as L
import torch

from i2i_zoo.data.rendered.people_data import PeopleData


def clock(device: str) -> float:
    """Milliseconds: of this thread on the CPU, of the wall once the GPU is done."""
    if device == "cpu":
        return 1e3 * time.thread_time()
    torch.cuda.synchronize()
    return 1e3 * time.perf_counter()


class Race(L.Callback):
    """Times our steps, and the authors' in between; keeps how far the losses of both are apart.

    Args:
        theirs: Takes the authors' step.
        pairs: Our losses by name, of one step, to pairs of a loss of ours and theirs.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(
        self, theirs: Callable[[], Any], pairs: Callable[[dict[str, Any]], list[tuple[Any, Any]]], device: str
    ) -> None:
        self.theirs, self.pairs, self.device = theirs, pairs, device
        self.ours_ms: list[float] = []
        self.theirs_ms: list[float] = []
        self.difference: list[float] = []

    def on_train_batch_start(self, *_: Any) -> None:
        self.start = clock(self.device)

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        self.ours_ms.append(clock(self.device) - self.start)
        start = clock(self.device)
        self.theirs()
        self.theirs_ms.append(clock(self.device) - start)
        pairs = [(float(a.detach()), float(b.detach())) for a, b in self.pairs(module.losses)]
        largest = max(abs(b) for _, b in pairs)  # a hinge may be zero
        self.difference.append(max(abs(a - b) for a, b in pairs) / largest)


def trainer(precision: str, device: str, steps: int, *callbacks: L.Callback) -> L.Trainer:
    return L.Trainer(
        accelerator=device,
        devices=1,
        precision={"32": "32-true", "bf16": "bf16-mixed"}[precision],  # type: ignore[arg-type]
        max_steps=steps,
        log_every_n_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )


def batches(batch: dict[str, Any], steps: int) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(range(steps), collate_fn=lambda _: batch)  # type: ignore[arg-type]


def arguments(description: str, **more: int) -> argparse.Namespace:
    """The command line, and the number of threads that it asks for.  ``more`` has the defaults of further options."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("checkout", help="folder of the authors' code")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--size", type=int, default=256, help="of the pictures, where the script lets it be chosen")
    parser.add_argument("--precision", choices=["32", "bf16"], default="32", help="ours; theirs is 32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="compile our networks, where the script can")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    return args


def people_arguments(description: str, **more: Any) -> argparse.Namespace:
    """The command line of the benchmarks against transcriptions, which run on a CPU.

    ``more`` has the defaults of further options.
    """
    parser = argparse.ArgumentParser(description=description)
    for name, default in {"batch": 4, "rounds": 5, "threads": 1, **more}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--precision", choices=["32", "bf16"], default="32", help="ours; the transcription's is 32")
    args = parser.parse_args()
    args.device = "cpu"
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    return args


def people_batch(args: argparse.Namespace) -> dict[str, torch.Tensor]:
    """A batch of rendered people at 128x64."""
    data = PeopleData(size=(128, 64), batch_size=args.batch, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    return {key: value for key, value in batch.items() if isinstance(value, torch.Tensor)}


def peak_memory(train: Callable[[str, argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Print the peaks of processes that run ``train`` for ours and for the authors', in MB."""
    # A process each, and before this one is large: a child inherits its parent's peak.
    context = multiprocessing.get_context("spawn")
    memory = {}
    for which in ("ours", "authors"):
        result, sender = context.Pipe(duplex=False)
        process = context.Process(target=peak_of, args=(train, which, args, sender))
        process.start()
        sender.close()  # the child has its own: when it ends, there is nothing more to wait for
        try:
            memory[f"{which}_mb"] = round(result.recv())
        except EOFError:
            process.join()
            raise SystemExit(
                f"{which}: the process that measures memory died with exit code {process.exitcode}."
            ) from None
        process.join()
    print(json.dumps({"what": "peak memory", **memory, **setting(args)}))


def peak_of(train: Any, which: str, args: argparse.Namespace, sender: Any) -> None:
    torch.set_num_threads(args.threads)
    train(which, args)
    used = torch.cuda.max_memory_allocated() if args.device == "cuda" else 0
    sender.send(used / 1e6 if used else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def setting(args: argparse.Namespace) -> dict[str, Any]:
    return {"batch": args.batch, "precision": args.precision, "device": args.device, "threads": args.threads}


def race_inference(
    ours: Callable[[], Any], theirs: Callable[[], Any], args: argparse.Namespace, what: str = "inference"
) -> None:
    """Time both in turns, without gradients, and print the result."""

    def timed(run: Callable[[], Any]) -> float:
        start = clock(args.device)
        run()
        return clock(args.device) - start

    with torch.inference_mode():
        times = [(timed(ours), timed(theirs)) for _ in range(args.rounds + 1)]
    compare(what, [t for t, _ in times], [t for _, t in times], **setting(args))


def compare(what: str, ours: list[float], theirs: list[float], warm_up: int = 1, **more: Any) -> None:
    """Print one line of JSON."""
    facts: dict[str, Any] = {"what": what}
    for name, values in (("ours", ours[warm_up:]), ("authors", theirs[warm_up:])):
        facts[f"{name}_ms_min"] = round(min(values), 1)
        facts[f"{name}_ms_median"] = round(statistics.median(values), 1)
    facts["times_as_fast"] = round(facts["authors_ms_min"] / facts["ours_ms_min"], 2)
    facts["times_as_fast_by_median"] = round(facts["authors_ms_median"] / facts["ours_ms_median"], 2)
    print(json.dumps(facts | more), flush=True)
