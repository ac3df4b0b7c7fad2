"""The checkpoint of ``--ckpt_path``: whether it can be used, and what changes when a run continues from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities import rank_zero_only

from i2i_zoo.callbacks.resume import check_checksum
from i2i_zoo.errors import ZooError, printable
from i2i_zoo.methods.base import Method
from i2i_zoo.methods.continuing import PROGRESS, changed_options, part
from i2i_zoo.store.tensors import is_lightning, read_lightning, read_pickle

#: What foreign or forged content makes torch and Lightning raise.
FAILURES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError)


def check_checkpoint(path: str, model: Method, fit: bool, callbacks: Sequence[L.Callback] = ()) -> None:
    """Check that a model can be loaded from a file, and say which options have changed if ``fit`` continues from it.

    Raises:
        ZooError: If the file is no checkpoint of fit, is damaged or incomplete, or is that of another architecture.
    """
    check_checksum(path)
    content = read_pickle(path)
    if not is_lightning(content):
        raise ZooError(f"{path} is not a checkpoint of fit; load other files with --init_from.")
    recorded, preprocess, _ = read_lightning(content, path)
    prepared = model.preprocess.to_json()
    try:
        for name in PROGRESS if fit else ():
            part(content, name)
        model.on_load_checkpoint(content)
        for name in ("optimizer_states", "lr_schedulers") if fit else ():  # Lightning takes as many as there are
            if len(content[name]) != len(model.players):
                raise ValueError(f"{len(content[name])} {name} for {len(model.players)} players")
    except ZooError as error:
        raise ZooError(f"{path}: {error}") from error
    except FAILURES as error:
        raise unusable(path, error) from error
    if not fit:
        return
    changes = [
        f"--model.{name} {new} (was {old})" for name, (old, new) in changed_options(model.hparams, recorded).items()
    ]
    changes += [
        f"the EarlyStopping of {stopping.monitor} with patience {stopping.patience} (was {state['patience']})"
        for stopping, state in overruled(content, callbacks)
    ]
    changes += [
        f"{name} {new} of the data (was {preprocess.get(name)})"
        for name, new in prepared.items()
        if new != preprocess.get(name)
    ]
    if changes:
        rank_zero_only(print)(printable(f"{path}: the run continues with {', '.join(changes)}."))


@contextmanager
def restoring(path: Any, trainer: L.Trainer) -> Iterator[None]:
    """Around ``trainer.fit``: until a run that continues from ``path`` has begun, failures are the checkpoint's."""
    callback = Begun()
    trainer.callbacks.append(callback)  # type: ignore[attr-defined]  # Lightning's class does not declare its callbacks
    try:
        yield
    except FAILURES as error:
        if path is None or callback.begun or isinstance(error, ZooError):
            raise
        raise unusable(path, error) from error


def overruled(
    checkpoint: Mapping[str, Any], callbacks: Sequence[L.Callback]
) -> list[tuple[EarlyStopping, dict[str, Any]]]:
    """The callbacks whose patience differs from that in a checkpoint, each with its state there."""
    states = checkpoint.get("callbacks")
    if not isinstance(states, Mapping):
        return []
    found = [(c, states.get(c.state_key)) for c in callbacks if isinstance(c, EarlyStopping)]
    return [
        (callback, state)
        for callback, state in found
        if isinstance(state, dict) and state.get("patience", callback.patience) != callback.patience
    ]


class Begun(L.Callback):
    """Gives restored callbacks their new options, and knows whether everything is restored."""

    begun = False

    def on_load_checkpoint(self, trainer: Any, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        for callback, state in overruled(checkpoint, trainer.callbacks):
            state["patience"] = callback.patience  # Lightning would take the checkpoint's

    def on_sanity_check_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.begun = True

    on_train_start = on_sanity_check_start


def unusable(path: Any, error: Exception) -> ZooError:
    """The error for a checkpoint whose content made something raise ``error``."""
    reason = " ".join(str(error).split()).rstrip(".")
    return ZooError(
        f"{path}: a part of the checkpoint is not as fit writes it ({type(error).__name__}: {reason}); give "
        "another one, or convert it with i2i-zoo convert and start with --init_from."
    )
