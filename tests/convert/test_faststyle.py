"""The checkpoints of PyTorch's example fast_neural_style, by their keys and their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from convert.layouts import State, check_refusals
from i2i_zoo import convert
from i2i_zoo.errors import ZooError
from methods.authors import Options


@pytest.fixture
def state() -> State:
    return Options("faststyle", "mosaic").state("G")


@pytest.mark.parametrize("old", [False, True])
def test_the_generator_gives_the_authors_output(saved: Any, state: State, old: bool) -> None:
    """Old files hold statistics, which are left out."""
    options = Options("faststyle", "mosaic")
    norms = [
        key.removesuffix(".weight") for key, tensor in state.items() if key.endswith("weight") and tensor.dim() == 1
    ]
    assert len(norms) == 15
    tracked = {f"{n}.running_{kind}": torch.ones(len(state[f"{n}.weight"])) for n in norms for kind in ("mean", "var")}
    model = convert("faststyle", saved(generator={**state, **tracked} if old else state)["generator"])
    assert (model.hparams.width, model.hparams.norm, model.hparams.style) == (32, "instance", None)
    assert len(model.state_dict()) == len(state)
    output = model(options.input("content", "image", 3))[..., ::2, ::2].detach()
    np.testing.assert_allclose((output + 1) * 127.5, options.stored["fake1"], rtol=0, atol=1e-5 * 255)


def test_files_that_do_not_fit(saved: Any, state: State) -> None:
    check_refusals("faststyle", {"generator": state})
    with pytest.raises(ZooError, match=r"generator is not in the authors' layout: it has no deconv3\.conv2d"):
        convert("faststyle", saved(generator={k: v for k, v in state.items() if "deconv3" not in k})["generator"])
