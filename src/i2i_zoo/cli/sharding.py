"""Work on several devices, by one process for each: started here, or by a launcher."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from i2i_zoo.errors import ZooError

if TYPE_CHECKING:
    from i2i_zoo.devices import Launched


def launched_with(args: Any) -> Launched:
    """This process among those of a launcher.  Raises `ZooError` if each is to start further ones (``--devices``)."""
    from i2i_zoo.devices import find_launched

    launched = find_launched()
    if args.devices > 1 and not launched.alone:
        raise ZooError(
            f"--devices {args.devices}: a launcher has started this process and {launched.processes - 1} others "
            "already; leave it out, and start one process for each device."
        )
    return launched


class Others:
    """The other processes that torchrun has started for this command.

    torchrun ends all of them as soon as one fails, so that one stays until the others have done their share.
    """

    def __init__(self) -> None:
        from torch.distributed.rendezvous import rendezvous

        self.store, _, self.processes = next(rendezvous("env://"))

    def end(self, failed: bool) -> None:
        """Count this process among those that are done and, if it has failed, wait for the others."""
        done = self.store.add("i2i_zoo/done", 1)
        while failed and done < self.processes:
            time.sleep(1)
            done = self.store.add("i2i_zoo/done", 0)


def find_others() -> Others | None:
    """The others, if torchrun has started this process, which then holds a store for all of them."""
    return Others() if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" else None


class Call(NamedTuple):
    """What one process does next: ``work(device, *arguments)``, where ``work`` is a function of a module."""

    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    #: How many of the things that are counted it makes.
    size: int


def in_batches(jobs: Mapping[Path, Any], batch: int) -> list[dict[Path, Any]]:
    """The jobs in batches of this length, in their order."""
    files = list(jobs)
    return [{file: jobs[file] for file in files[i : i + batch]} for i in range(0, len(files), batch)]


def sharded(calls: Sequence[Call], args: Any, unit: str) -> list[Any]:
    """Do calls in the processes of the devices, which take turns.

    Args:
        calls: What is to be done.
        args: Arguments of the command line: ``device`` and ``devices``.
        unit: What is counted, for the progress bar.

    Returns:
        The result of each call, in their order.

    Raises:
        ZooError: If there are fewer devices, if a process was killed, or as the calls.
    """
    from tqdm import tqdm

    from i2i_zoo.devices import find_devices

    devices, context = find_devices(args.device, args.devices), multiprocessing.get_context("spawn")
    pools = [
        ProcessPoolExecutor(1, context, initializer=prepare, initargs=(os.getpid(), device, len(devices)))
        for device in devices
    ]
    results = dict[int, Any]()
    try:
        futures: dict[Future[Any], int] = {}
        for i, call in enumerate(calls):
            turn = i % len(pools)
            futures[pools[turn].submit(call.work, devices[turn], *call.arguments)] = i
        with tqdm(total=sum(call.size for call in calls), unit=f" {unit}", disable=None) as progress:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                progress.update(calls[futures[future]].size)
    except BrokenProcessPool:
        raise ZooError(
            f"A process that makes {unit} was killed, most often because the memory was full: use fewer --devices "
            "or a smaller --batch; finished results are kept."
        ) from None
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)
    return [results[i] for i in range(len(calls))]


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
