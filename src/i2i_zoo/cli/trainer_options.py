"""The ranges of the options of the trainer and of Lightning's callbacks, which Lightning does not declare."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

import torch
from lightning.pytorch.strategies import StrategyRegistry

from i2i_zoo.annotations import AboveZero, Count, Ge, Gt, Le, Lt, Positive, Share, Weight, allows, remedy
from i2i_zoo.devices import check_cores
from i2i_zoo.errors import ZooError, closest

#: A number that may be -1, for "no limit" or "all".
_CountOrAll: TypeAlias = Annotated[int, Ge(-1)]
#: A number of batches, or a part of them.
_Limit: TypeAlias = Count | Annotated[float, Ge(0), Le(1)] | None

#: Option to the annotation that its value must keep, beside the type that Lightning declares.
RANGES: dict[str, Any] = {
    "accelerator": Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"],
    "num_nodes": Positive,
    "precision": Literal["32-true", "16-mixed", "bf16-mixed", "64-true", "16-true", "bf16-true", "32", "16", "bf16"]
    | Literal["64", "transformer-engine", "transformer-engine-float16", 16, 32, 64]
    | None,
    "fast_dev_run": bool | Count,
    "max_epochs": _CountOrAll | None,
    "min_epochs": Count | None,
    "max_steps": _CountOrAll,
    "min_steps": Count | None,
    "limit_train_batches": _Limit,
    "limit_val_batches": _Limit,
    "limit_test_batches": _Limit,
    "limit_predict_batches": _Limit,
    "overfit_batches": Count | Annotated[float, Ge(0), Lt(1)],
    "val_check_interval": Positive | Annotated[float, Gt(0), Le(1)] | str | dict[str, int] | None,
    "check_val_every_n_epoch": Positive | None,
    "num_sanity_val_steps": _CountOrAll | None,
    "log_every_n_steps": Positive | None,
    "accumulate_grad_batches": Positive,
    "gradient_clip_val": Weight | None,
    "gradient_clip_algorithm": Literal["norm", "value"] | None,
    "reload_dataloaders_every_n_epochs": Count,
    "profiler": Literal["simple", "advanced", "pytorch", "xla"] | None,
}

_Number: TypeAlias = float | None
_CountOrNone: TypeAlias = Count | None
_WeightOrNone: TypeAlias = Weight | None

#: The same for the arguments of Lightning's callbacks, which share their names.
CALLBACK_RANGES: dict[str, Any] = {
    "amount": Count | Annotated[float, Ge(0), Le(1)],
    "annealing_epochs": Positive,
    "atol": _WeightOrNone,
    "backbone_initial_lr": _WeightOrNone,
    "backbone_initial_ratio_lr": Weight,
    "decay": Annotated[float, Ge(0), Le(1)],
    "divergence_threshold": _Number,
    "early_stop_threshold": _Number,
    "every_n_epochs": _CountOrNone,
    "every_n_train_steps": _CountOrNone,
    "init_val": Positive,
    "initial_denom_lr": AboveZero,
    "margin": Share,
    "max_depth": _CountOrAll,
    "max_lr": AboveZero,
    "max_trials": Positive,
    "max_val": Positive,
    "min_delta": Weight,
    "min_lr": AboveZero,
    "num_training_steps": Positive,
    "patience": Count,
    "process_position": Count,
    "pruning_dim": int | None,
    "pruning_norm": int | None,
    "refresh_rate": Count,
    "rounding": Count,
    "rtol": _WeightOrNone,
    "save_top_k": _CountOrAll,
    "steps_per_trial": Positive,
    "stopping_threshold": _Number,
    "swa_epoch_start": Positive | Annotated[float, Ge(0), Le(1)],
    "swa_lrs": AboveZero | list[AboveZero],
    "unfreeze_backbone_at_epoch": Count,
    "update_every_n_steps": Positive,
    "update_starting_at_epoch": _CountOrNone,
    "update_starting_at_step": _CountOrNone,
    "verbose": bool | Count,
    "warmup": Count,
    "window": Positive,
}

#: How the text of ``devices`` may look: all, how many, or which.
DEVICES = re.compile(r"auto|-1|[1-9]\d*|\d+(,\d+)+|\d+,")
#: How that of ``max_time`` may look.
TIME = re.compile(r"\d+:\d\d:\d\d:\d\d")


def check_trainer(trainer: Any) -> None:
    """Raise `ZooError` for an option of the trainer that is out of its range."""
    for name, annotation in RANGES.items():
        value = trainer.get(name)
        plain = value is None or isinstance(value, (str, int, float, dict))
        # Classes of Lightning may stand for names.
        if plain and not hasattr(value, "class_path") and not allows(annotation, value):
            raise ZooError(f"--trainer.{name} {value}: {remedy(annotation)}.")
    check_callbacks(trainer.callbacks)
    if trainer.overfit_batches:
        raise ZooError(
            f"--trainer.overfit_batches {trainer.overfit_batches}: the datamodules keep their own order, which it "
            "cannot replace; use a --data.root with only a few pictures."
        )
    devices = trainer.devices
    if isinstance(devices, list):
        devices = ",".join(map(str, devices)) + ","
    if not DEVICES.fullmatch(str(devices)):
        raise ZooError(f"--trainer.devices {devices}: give auto, how many, or a list of their numbers such as [0,1].")
    check_cpu_processes(trainer)
    if trainer.accelerator == "cuda" and not torch.cuda.is_available():
        raise ZooError("--trainer.accelerator cuda: torch finds no GPU on this machine; use auto or cpu.")
    if isinstance(trainer.max_time, str) and not TIME.fullmatch(trainer.max_time):
        raise ZooError(f"--trainer.max_time {trainer.max_time}: give days, hours, minutes and seconds as 00:12:00:00.")
    strategies = ["auto", *StrategyRegistry.available_strategies()]
    if isinstance(trainer.strategy, str) and trainer.strategy not in strategies:
        close = closest(trainer.strategy, strategies) or "auto"
        raise ZooError(f"--trainer.strategy {trainer.strategy}: there is no such strategy; the closest is {close}.")


def check_callbacks(callbacks: Any) -> None:
    """Raise `ZooError` for an argument of one of Lightning's callbacks that is out of its range."""
    for callback in callbacks if isinstance(callbacks, list) else [callbacks]:
        path, arguments = getattr(callback, "class_path", ""), getattr(callback, "init_args", None) or {}
        if not path.startswith("lightning."):
            continue  # those of this package check themselves
        for name, annotation in CALLBACK_RANGES.items():
            if name in arguments and not allows(annotation, arguments[name]):
                cls = path.rpartition(".")[2]
                raise ZooError(f"{cls} cannot have {name}={arguments[name]}: {remedy(annotation)}.")


def check_cpu_processes(trainer: Any) -> None:
    """Raise `ZooError` if the trainer's arguments ask for more processes on the CPU than it has cores."""
    if trainer.accelerator == "cpu" or (trainer.accelerator == "auto" and not torch.cuda.is_available()):
        check_cores("--trainer.devices", _device_count(trainer))


def several_devices(trainer: Any) -> bool:
    """Whether the trainer's arguments ask for more than one process."""
    return _device_count(trainer) > 1 or int(trainer.num_nodes) > 1


def _device_count(trainer: Any) -> int:
    """How many devices the trainer's arguments ask for on each machine."""
    devices = trainer.devices
    if devices in ("auto", "-1", -1):
        return torch.cuda.device_count() or 1 if trainer.accelerator in ("auto", "gpu", "cuda") else 1
    if isinstance(devices, str):
        return int(devices) if devices.isdigit() else len(devices.strip(",").split(","))
    return devices if isinstance(devices, int) else len(devices)
