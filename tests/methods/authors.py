"""Our training steps beside those that the authors' code was seen to take."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor

from golden.fill import Golden, _rng, fill_network, make_input

State = dict[str, Tensor]
Read = Callable[[Mapping[str, State]], tuple[dict[str, Any], dict[str, Tensor]]]


def authors_model(method: Any, read: Read, states: Mapping[str, State], **overrides: Any) -> Any:
    """The method with the authors' weights, as the converter reads them."""
    hparams, tensors = read(states)
    model = method(**{**hparams, **overrides})
    if any(network.startswith("discriminator") for network in states):
        model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


class Places:
    """Where the converter puts each of the authors' tensors: in one of ours, or in a part of it."""

    def __init__(self, read: Read, states: Mapping[str, State]) -> None:
        keys = [(network, key) for network, state in states.items() for key in state]
        marks = {
            network: {
                key: torch.full(tensor.shape, float(1 + keys.index((network, key)))) for key, tensor in state.items()
            }
            for network, state in states.items()
        }
        self.shapes = {(network, key): states[network][key].shape for network, key in keys}
        self.found: dict[tuple[str, str], tuple[str, Tensor]] = {}
        for name, tensor in read(marks)[1].items():
            for mark in tensor.unique().tolist():
                if mark:  # 0 is what the converter adds by itself
                    self.found[keys[int(mark) - 1]] = (name, tensor == mark)

        self.unused = {place: states[place[0]][place[1]] for place in self.shapes if place not in self.found}

    def tensor(self, network: str, key: str, ours: Mapping[str, Tensor]) -> Tensor:
        """Ours in the place of theirs; a buffer that nothing uses, and the converter leaves out, stays as it was."""
        if (network, key) in self.unused:
            assert key.rpartition(".")[2].startswith("running_"), key
            return self.unused[network, key]
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
        self.losses.append([float(module.losses.get(f"train/{name}", 0.0)) for name in self.names])
        self.states.append({k: v.clone() for k, v in module.state_dict().items()})


def check_steps(
    golden: Golden, places: Places, steps: Steps, networks: Mapping[str, str], mixed: Sequence[str] = ()
) -> None:
    """Losses, gradients and states of the steps are the authors'; ``networks`` maps their letters to our names.

    ``mixed`` are those whose stored gradients hold another update's too, which the authors let flow into them.
    """
    ok, ratio, _ = golden.check("losses", np.array(steps.losses))
    assert ok, ratio
    for letter, network in networks.items():
        stored = golden.info["stored"]
        if letter not in mixed:
            rows = [places.tensor(network, row, steps.gradients) for row in stored[f"grad1/{letter}"]["rows"]]
            ok, ratio, difference = golden.check_tensors(f"grad1/{letter}", rows)
            assert ok, (letter, ratio, difference)
        for step, state in enumerate(steps.states, start=1):
            rows = [places.tensor(network, row, state) for row in stored[f"after{step}/{letter}"]["rows"]]
            ok, ratio, difference = golden.check_tensors(f"after{step}/{letter}", rows)
            assert ok, (letter, step, ratio, difference)


class Options:
    """What the authors' code computed of a case of ``<name>_options``: two steps with other than default options."""

    folder = Path(__file__).parents[1] / "golden"

    def __init__(self, name: str, case: str) -> None:
        info = json.loads((self.folder / f"{name}_options.json").read_text())
        self.case, self.info, self.shapes = case, info["cases"][case], info["states"]
        with np.load(self.folder / f"{name}_options.npz") as arrays:
            self.stored = {k.removeprefix(f"{case}/"): arrays[k] for k in arrays if k.startswith(f"{case}/")}

    def state(self, letter: str) -> State:
        """The filled weights of one network; the vectors of spectral norms are of length 1."""
        filled = self.info["networks"][letter]
        shapes = {key: tuple(shape) for key, shape, _ in self.shapes[filled["state"]]}
        vectors = {}
        for key in [k for k in shapes if k.endswith(("weight_u", "weight_v"))]:
            draw = _rng(filled["prefix"] + key).standard_normal(shapes[key])
            vectors[filled["prefix"] + key] = (draw / np.linalg.norm(draw)).astype(np.float32)
        return fill_network(shapes, filled["prefix"], vectors, filled["gain"])

    def input(self, name: str, kind: str, channels: int, num: int | None = None) -> Tensor:
        batch, height, width = self.info["shape"]
        return make_input(f"{self.case}/{name}", [batch, channels, height, width], kind, num)

    def check(self, places: Places, steps: Steps, before: State, networks: Mapping[str, str]) -> None:
        """Losses, sizes of the first gradients and of the movement in two steps are the authors'."""
        np.testing.assert_allclose(steps.losses[0], self.stored["losses"][0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(steps.losses[1], self.stored["losses"][1], rtol=2e-3, atol=1e-5)
        for letter, network in networks.items():
            gradients, moves = self.stored[f"grad1/{letter}"], self.stored[f"update2/{letter}"]
            for row, gradient, move in zip(self.info["rows"][letter], gradients, moves, strict=True):
                # A bias in front of a norm has no gradient but rounding noise, of which Adam makes whole steps; and
                # batch norms over the few pixels of the smallest maps enlarge rounding to half a percent.
                if gradient > 1e-4 * gradients.max():
                    found = places.tensor(network, row, steps.gradients).double().square().mean().sqrt()
                    assert float(found) == pytest.approx(gradient, rel=1e-2), (letter, row, gradient, gradients.max())
                    after = places.tensor(network, row, steps.states[1])
                    if after.dim() > 1:  # of a bias's few values, the sign of one small gradient decides
                        change = (after - places.tensor(network, row, before)).double().square().mean().sqrt()
                        assert float(change) == pytest.approx(move, rel=3e-2), (letter, row)


class Seeds(L.Callback):
    """Each step draws from a generator with its own seed, as the authors' did."""

    def on_train_batch_start(self, trainer: L.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
        torch.manual_seed(batch_idx)
