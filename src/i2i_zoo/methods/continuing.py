"""Continuing from a checkpoint of ``fit``: whether it fits a method, and which options have changed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from i2i_zoo.errors import ZooError

if TYPE_CHECKING:
    from .base import Method

#: What Lightning needs to continue, beside weights: it leaves them out with ``save_weights_only``.
PROGRESS = ("loops", "optimizer_states", "lr_schedulers")


def changed_options(hparams: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The hyper-parameters that a checkpoint records with another value: name to the value then and now."""
    return {
        name: (recorded[name], value)
        for name, value in hparams.items()
        if not name.startswith("_") and name in recorded and plain(recorded[name]) != plain(value)
    }


def plain(value: Any) -> Any:
    """A value to compare: files know lists only, where constructors take tuples."""
    return list(value) if isinstance(value, (tuple, list)) else value


def check_fit(model: Method, checkpoint: Mapping[str, Any]) -> None:
    """Raise `ZooError` if a checkpoint lacks what the model needs, or holds the weights of another architecture.

    Args:
        model: A method after `configure_model`.
        checkpoint: The content of the file.
    """
    tensors: Any = checkpoint.get("state_dict")
    recorded = checkpoint.get("hyper_parameters", {})
    if not isinstance(tensors, Mapping) or not isinstance(recorded, Mapping):
        raise ZooError("The checkpoint holds no weights of a method; give one that fit has written.")
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    found = {name: getattr(tensor, "shape", None) for name, tensor in tensors.items()}
    if found == expected:
        return
    if shapes(model, recorded) != found:
        names = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
        raise ZooError(
            f"The checkpoint is that of another model than {type(model).__name__}: {len(names)} tensors differ, such "
            f"as {names[0]}; give --model and its options as they were."
        )
    changed = changed_options(model.hparams, recorded)
    causes = {name: values for name, values in changed.items() if shapes(model, recorded, name) != found} or changed
    then = ", ".join(f"--model.{name} {old}" for name, (old, _) in causes.items())
    now = ", ".join(f"--model.{name} {new}" for name, (_, new) in causes.items())
    raise ZooError(
        f"The checkpoint was trained with {then}, and this run asks for {now}: a checkpoint keeps its architecture; "
        "ask for the same, or start a run of its own without --ckpt_path."
    )


def shapes(model: Method, recorded: Mapping[str, Any], changed: str | None = None) -> dict[str, Any] | None:
    """The shapes of the tensors of a recorded model, with one option as this model has it; None if it has no such."""
    hparams = {name: recorded.get(name, value) for name, value in model.hparams.items() if not name.startswith("_")}
    if changed:
        hparams[changed] = model.hparams[changed]
    try:
        with torch.device("meta"):  # without memory or numbers
            other = type(model)(**hparams)
            other.configure_model()
    except (ZooError, TypeError, ValueError, LookupError, RuntimeError, NotImplementedError):
        return None
    return {key: value.shape for key, value in other.state_dict().items()}


def part(checkpoint: Mapping[str, Any], name: str) -> Any:
    """A part of a checkpoint; raises `ZooError` if it is not there."""
    if name not in checkpoint:
        raise ZooError(
            f"The checkpoint has no {name}, so a run cannot continue from it; give one that fit has written whole "
            "(without save_weights_only), or convert it with i2i-zoo convert and start with --init_from."
        )
    return checkpoint[name]


def use_new_options(model: Method) -> None:
    """Give restored optimisers and schedules the options of the model's hyper-parameters; they keep their moments."""
    fresh, _ = model.configure_optimizers()
    schedulers: Any = model.lr_schedulers()
    schedulers = schedulers if isinstance(schedulers, list) else [schedulers]
    for player, scheduler, new in zip(model.players, schedulers, fresh, strict=True):
        factor = model.lr_factor(player, scheduler.last_epoch)
        scheduler.base_lrs = [group["initial_lr"] for group in new.param_groups]
        for group, options in zip(scheduler.optimizer.param_groups, new.param_groups, strict=True):
            group.update({name: value for name, value in options.items() if name != "params"})
            group["lr"] = group["initial_lr"] * factor
