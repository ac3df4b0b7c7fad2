"""Our training steps beside those that the authors' code was seen to take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from golden.fill import Golden

State = dict[str, Tensor]
Read = Callable[[Mapping[str, State]], tuple[dict[str, Any], dict[str, Tensor]]]


def authors_model(method: Any, read: Read, states: Mapping[str, State], **overrides: Any) -> Any:
    """The method with the authors' weights, as the converter reads them."""
    hparams, tensors = read(states)
    model = method(**{**hparams, **overrides})
    if "discriminator" in states:
        model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


class Places:
    """Where the converter puts each of the authors' tensors: in one of ours, or in a part of it."""

    def __init__(self, read: Read, states: Mapping[str, State]) -> None:
        keys = [(network, key) for network, state in states.items() for key in state]
        marks = {
            network: {key: torch.full(tensor.shape, float(keys.index((network, key)))) for key, tensor in state.items()}
            for network, state in states.items()
        }
        self.shapes = {(network, key): states[network][key].shape for network, key in keys}
        self.found: dict[tuple[str, str], tuple[str, Tensor]] = {}
        for name, tensor in read(marks)[1].items():
            for mark in tensor.unique().tolist():
                self.found[keys[int(mark)]] = (name, tensor == mark)

    def tensor(self, network: str, key: str, ours: Mapping[str, Tensor]) -> Tensor:
        name, where = self.found[network, key]
        return ours[name][where].view(self.shapes[network, key])


class Steps(L.Callback):
    """The losses of every step, the first gradients, and the state after each step."""

    def __init__(self, losses: tuple[str, ...]) -> None:
        self.names = losses
        self.losses: list[list[float]] = []
        self.gradients: State = {}
        self.states: list[State] = []

    def on_before_optimizer_step(self, trainer: L.Trainer, module: Any, optimizer: torch.optim.Optimizer) -> None:
        owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, parameter in module.named_parameters():
            if id(parameter) in owned and parameter.grad is not None:
                self.gradients.setdefault(name, parameter.grad.clone())

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        self.losses.append([float(module.losses[f"train/{name}"]) for name in self.names])
        self.states.append({k: v.clone() for k, v in module.state_dict().items()})


def check_steps(golden: Golden, places: Places, steps: Steps, networks: Mapping[str, str]) -> None:
    """Losses, gradients and states of the steps are the authors'; ``networks`` maps their letters to our names."""
    ok, ratio, _ = golden.check("losses", np.array(steps.losses))
    assert ok, ratio
    for letter, network in networks.items():
        stored = golden.info["stored"]
        rows = [places.tensor(network, row, steps.gradients) for row in stored[f"grad1/{letter}"]["rows"]]
        ok, ratio, difference = golden.check_tensors(f"grad1/{letter}", rows)
        assert ok, (letter, ratio, difference)
        for step, state in enumerate(steps.states, start=1):
            rows = [places.tensor(network, row, state) for row in stored[f"after{step}/{letter}"]["rows"]]
            ok, ratio, difference = golden.check_tensors(f"after{step}/{letter}", rows)
            assert ok, (letter, step, ratio, difference)
