"""How fast a method trains and translates, and how fast its data are read."""

from __future__ import annotations

import logging
import os
import resource
import socket
import statistics
import sys
import time
import warnings
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from . import hub
from .devices import check_cores
from .errors import ZooError, closest
from .methods.base import Method
from .registry import ENTRIES, METHODS, method_class, refuse_weights
from .tasks.check import check_batch, check_data

WARM_UP = 3
TRAINER_PRECISION: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}
AUTOCAST = {"bf16": torch.bfloat16, "16": torch.float16}


@dataclass(frozen=True)
class Setting:
    """What to measure: a checkpoint or a method, on batches of ``batch`` noise images for each device."""

    name: str
    device: Literal["cpu", "cuda"] = "cpu"
    devices: int = 1
    batch: int = 1
    height: int = 256
    width: int = 256
    precision: Literal["32", "bf16", "16"] = "32"
    compile: bool = False
    channels_last: bool = False
    steps: int = 20


def benchmark(setting: Setting) -> list[dict[str, Any]]:
    """Time inference and a training step, without data loading, in a new process for each device.

    Call it below ``if __name__ == "__main__"``, like everything that starts processes.

    Returns:
        A dictionary for inference and one for training: the setting; ``images_per_second`` of all devices together;
        for a batch the median ``ms``, ``ms_p10``, ``ms_p90`` and ``gflop``; ``peak_memory_mb`` of the GPU or of the
        process; ``parameters``.

    Raises:
        ZooError: If the device is missing or does not support the setting, or there is no such checkpoint or method.
    """
    check_devices(setting)
    if setting.device == "cpu" and setting.precision == "16":
        raise ZooError("16-bit floats need a GPU: use bf16 on a CPU.")
    build(setting.name)  # mistakes and downloads come before the processes
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ProcessPoolExecutor(setting.devices, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(measure, setting, rank, port) for rank in range(setting.devices)]
        results = [job.result() for job in jobs]
    return results[0]


def check_devices(setting: Setting) -> None:
    """Raise `ZooError` if there are fewer GPUs or cores than the setting needs."""
    if setting.device == "cuda" and torch.cuda.device_count() < setting.devices:
        raise ZooError(f"{setting.devices} GPUs were asked for and {torch.cuda.device_count()} are there.")
    if setting.device == "cpu":
        check_cores("--devices", setting.devices)


def scaling(setting: Setting, devices: int) -> list[dict[str, Any]]:
    """`benchmark` with 1, 2, 4 ... and ``devices`` devices.

    Adds ``efficiency``: the images per second of each device, as a multiple of those of a single device.
    """
    check_devices(replace(setting, devices=devices))  # before hours with fewer
    counts = sorted({2**i for i in range(devices.bit_length())} | {devices})
    results = [result for count in counts for result in benchmark(replace(setting, devices=count))]
    single = {result["what"]: result["images_per_second"] for result in results[:2]}
    for result in results:
        result["efficiency"] = round(result["images_per_second"] / result["devices"] / single[result["what"]], 3)
    return results


def build(name: str) -> Method:
    """The model of a checkpoint, or a method with its defaults.  Raises `ZooError` if there is neither."""
    if name in METHODS:
        return method_class(name)()
    if name not in ENTRIES and not name.startswith("hf:") and not Path(name).is_dir():
        refuse_weights(name)
        close = closest(name, [*METHODS, *ENTRIES]) or next(iter(METHODS))
        raise ZooError(
            f"{name!r} is neither a checkpoint of the zoo nor a directory, hf:org/repo or a method; the closest is "
            f"{close}."
        )
    return hub.load(name)


def measure(setting: Setting, rank: int, port: int) -> list[dict[str, Any]]:
    """The work of one process of `benchmark`."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if setting.devices > 1:
        os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    if setting.device == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // setting.devices))
    device = torch.device("cuda", rank) if setting.device == "cuda" else torch.device("cpu")
    model = build(setting.name).to(device)
    batch = {k: v.to(device) for k, v in model.example_batch(setting.batch, setting.height, setting.width).items()}
    if setting.channels_last:
        model = model.to(memory_format=torch.channels_last)
        for key in [key for key, value in batch.items() if value.dim() == 4]:
            batch[key] = batch[key].contiguous(memory_format=torch.channels_last)
    # Inference first: the peak memory of a process never falls, and training needs more.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Lightning, about loaders without workers, for example
        return [infer(setting, model, batch), train(setting, model, batch)]


@torch.inference_mode()
def infer(setting: Setting, model: Method, batch: dict[str, torch.Tensor]) -> dict[str, Any]:
    model.eval()
    watch = Stopwatch(model.device)
    with torch.autocast(setting.device, AUTOCAST.get(setting.precision), enabled=setting.precision in AUTOCAST):
        with FlopCounterMode(display=False) as counter:
            model.predict_step(batch, 0)
        if setting.compile:
            model.compile_networks()
        for _ in range(WARM_UP + setting.steps + 1):
            watch.lap()
            model.predict_step(batch, 0)
    return report("inference", setting, watch, model, counter)


def train(setting: Setting, model: Method, batch: dict[str, torch.Tensor]) -> dict[str, Any]:
    model.configure_model()
    model.to(model.device).train()
    pace = Pace(Stopwatch(model.device), setting.compile)
    steps = 1 + WARM_UP + setting.steps + 1
    indices: Any = range(steps)  # all that a loader needs of a dataset
    loader = DataLoader(indices, collate_fn=lambda _: batch)
    L.Trainer(
        accelerator=setting.device,
        devices=setting.devices,
        strategy="ddp_find_unused_parameters_true" if setting.devices > 1 else "auto",
        precision=TRAINER_PRECISION[setting.precision],
        max_steps=steps,
        callbacks=[pace],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    ).fit(model, loader)
    return report("training", setting, pace.watch, model, pace.counter)


class Stopwatch:
    """Milliseconds between laps: wall time on a CPU; on a GPU its own clock, without waiting for it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.laps: list[Any] = []
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def lap(self) -> None:
        if self.device.type == "cuda":
            make_event: Any = torch.cuda.Event  # which torch leaves without types
            self.laps.append(make_event(enable_timing=True))
            self.laps[-1].record()
        else:
            self.laps.append(time.perf_counter())

    def milliseconds(self) -> list[float]:
        """The times of the laps after the warm-up, sorted."""
        pairs = list(zip(self.laps, self.laps[1:], strict=False))[WARM_UP:]
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            return sorted(start.elapsed_time(end) for start, end in pairs)
        return sorted(1e3 * (end - start) for start, end in pairs)

    def peak_memory(self) -> float:
        """Peak memory in bytes: of tensors on a GPU, of the process on a CPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Pace(L.Callback):
    """Counts the operations of the first batch, and measures the time from the start of each batch to the next."""

    def __init__(self, watch: Stopwatch, compile: bool) -> None:
        self.watch, self.compile = watch, compile
        self.counter: Any = FlopCounterMode(display=False)  # its methods have no types

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.counter.__enter__()
        else:
            self.watch.lap()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.counter.__exit__(None, None, None)
            if self.compile:
                pl_module.compile_networks()


def report(what: str, setting: Setting, watch: Stopwatch, model: Method, counter: FlopCounterMode) -> dict[str, Any]:
    times = watch.milliseconds()
    median = statistics.median(times)
    threads = f"CPU, {torch.get_num_threads()} threads"
    return {
        "what": what,
        **asdict(setting),
        "images_per_second": round(1e3 * setting.devices * setting.batch / median, 2),
        "ms": round(median, 2),
        "ms_p10": round(times[len(times) // 10], 2),
        "ms_p90": round(times[-1 - len(times) // 10], 2),
        "peak_memory_mb": round(watch.peak_memory() / 1e6),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "gflop": round(counter.get_total_flops() / 1e9, 2),
        "hardware": torch.cuda.get_device_name() if setting.device == "cuda" else threads,
        "torch": torch.__version__,
    }


def measure_data(data: L.LightningDataModule, model: Method, batches: int = 100) -> dict[str, Any]:
    """How many training samples per second the loader of a datamodule reads, without training.

    Returns ``images_per_second``, ``images_per_second_per_worker``, ``workers`` and ``batch``.

    Raises:
        ZooError: As ``setup``, or if the data do not fit the model.
    """
    check_data(model, data)
    data.setup("fit")
    loader = data.train_dataloader()
    epochs = (batch for _ in range(batches) for batch in loader)
    check_batch(model, next(epochs), model.batch_keys)  # the first batch starts the workers
    start = time.perf_counter()
    images = sum(len(next(epochs)["name"]) for _ in range(batches))
    rate = images / (time.perf_counter() - start)
    return {
        "what": "data",
        "images_per_second": round(rate, 1),
        "images_per_second_per_worker": round(rate / max(1, loader.num_workers), 1),
        "workers": loader.num_workers,
        "batch": loader.batch_size,
    }


def table(results: list[dict[str, Any]], without: Collection[str] = ()) -> str:
    """The results as a table, without some columns."""
    header = ("", "devices", "images/s", "ms", "10 %", "90 %", "memory", "parameters", "GFLOP", "efficiency")
    rows = [header]
    for r in results:
        rows.append(
            (
                r["what"],
                str(r["devices"]),
                f"{r['images_per_second']:.1f}",
                *(f"{r[key]:.1f}" for key in ("ms", "ms_p10", "ms_p90")),
                f"{r['peak_memory_mb']} MB",
                f"{r['parameters'] / 1e6:.1f} M",
                f"{r['gflop']:.1f}",
                f"{r['efficiency']:.0%}",
            )
        )
    shown = [column for column in zip(*rows, strict=True) if column[0] not in without]
    padded = [[cell.rjust(max(map(len, column))) for cell in column] for column in shown]
    return "\n".join(map("  ".join, zip(*padded, strict=True)))
