"""Work on several devices: one process for each."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from i2i_zoo.errors import ZooError

Result = TypeVar("Result")


def sharded(
    work: Callable[..., Result], parts: Sequence[Sequence[Any]], args: Any, unit: str, counts: Sequence[int]
) -> list[Result]:
    """``work(device, *part)`` for each part, in the processes of the devices, which take turns; results in order.

    Args:
        work: A function of a module, which the processes import.
        parts: The further arguments of each call.
        args: Arguments of the command line: ``device`` and ``devices``.
        unit: What is counted, for the progress bar.
        counts: How many there are in each part.

    Raises:
        ZooError: If there are fewer devices, if a process was killed, or as ``work``.
    """
    from tqdm import tqdm

    from i2i_zoo.devices import find_devices

    devices, context = find_devices(args.device, args.devices), multiprocessing.get_context("spawn")
    pools = [
        ProcessPoolExecutor(1, context, initializer=prepare, initargs=(os.getpid(), device, len(devices)))
        for device in devices
    ]
    results: dict[int, Result] = {}
    try:
        futures: dict[Future[Result], int] = {}
        for i, part in enumerate(parts):
            turn = i % len(pools)
            futures[pools[turn].submit(work, devices[turn], *part)] = i
        with tqdm(total=sum(counts), unit=f" {unit}", disable=None) as progress:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                progress.update(counts[futures[future]])
    except BrokenProcessPool:
        raise ZooError(
            f"A process that makes {unit} was killed, most often because the memory was full: use fewer --devices "
            "or a smaller --batch; finished results are kept."
        ) from None
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)
    return [results[i] for i in range(len(parts))]


def prepare(parent: int, device: str, processes: int) -> None:
    """Prepare a process: it ends with its parent, and several on the CPU share its cores."""
    end_with_parent(parent)
    if device == "cpu":
        import torch

        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))


def end_with_parent(parent: int) -> None:
    """End this process soon after the process that started it, however that one ends."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
