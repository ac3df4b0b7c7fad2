"""The authors' checkpoints of CUT, by their keys and their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from i2i_zoo import convert
from i2i_zoo.errors import ZooError
from methods.authors import Options

State = dict[str, Tensor]


def filters(taps: list[float], channels: int) -> Tensor:
    return (torch.tensor(taps).outer(torch.tensor(taps)) / 16).repeat(channels, 1, 1, 1)


@pytest.fixture
def states() -> dict[str, State]:
    """Files as the authors save them, filters and all, of width 8 with nine blocks."""
    options = Options("cut", "cut")
    generator, discriminator = options.state("G"), options.state("D")
    down, up = [1.0, 2.0, 1.0], [1.0, 3.0, 3.0, 1.0]
    generator |= {"model.7.filt": filters(down, 16), "model.11.filt": filters(down, 32)}
    generator |= {"model.21.filt": filters(up, 32), "model.25.filt": filters(up, 16)}
    discriminator |= {f"model.{4 * n + 2}.filt": filters(down, 8 * 2**n) for n in range(3)}
    return {"generator_ab": generator, "discriminator_b": discriminator, "projector": options.state("F")}


def test_the_generator_gives_the_authors_output(saved: Any, states: dict[str, State]) -> None:
    options = Options("cut", "cut")
    model = convert("cut", saved(generator_ab=states["generator_ab"])["generator_ab"])
    hparams = model.hparams
    assert (hparams.generator, hparams.width, hparams.in_channels, hparams.out_channels) == ("resnet_9", 8, 3, 3)
    assert not hasattr(model, "projector")
    source = options.input("A", "image", 3)
    np.testing.assert_allclose(model.translate(source)[..., ::2, ::2], options.stored["fake1"][:1], rtol=0, atol=1e-5)


def test_the_networks_of_one_run(saved: Any, states: dict[str, State]) -> None:
    model = convert("cut", saved(**states), lambda_nce=10.0)
    hparams = model.hparams
    assert (hparams.receptive_field, hparams.discriminator_width, hparams.projector_width) == (70, 8, 16)
    assert hparams.lambda_nce == 10.0
    assert torch.equal(model.discriminator_b.body[14].weight, states["discriminator_b"]["model.14.weight"])
    assert torch.equal(model.projector.perceptrons[4][2].bias, states["projector"]["mlp_4.2.bias"])
    kept = sum(not key.endswith("filt") for state in states.values() for key in state)
    assert len(model.state_dict()) == kept


@pytest.mark.parametrize(("case", "field"), [("cut_batch", 34), ("fastcut", 70)])
def test_six_blocks_and_another_discriminator(saved: Any, case: str, field: int) -> None:
    options = Options("cut", case)
    letters = {"generator_ab": "G", "discriminator_b": "D", "projector": "F"}
    model = convert("cut", saved(**{name: options.state(letter) for name, letter in letters.items()}))
    assert (model.hparams.generator, model.hparams.receptive_field) == ("resnet_6", field)


def test_files_that_do_not_fit(saved: Any, states: dict[str, State]) -> None:
    generator, discriminator, projector = states.values()
    with pytest.raises(ZooError, match="The file of generator_ab is needed"):
        convert("cut", saved(discriminator_b=discriminator, projector=projector))
    with pytest.raises(ZooError, match="discriminator_b and projector go together"):
        convert("cut", saved(generator_ab=generator, projector=projector))
    with pytest.raises(ZooError, match=r"generator_ab is not in the authors' layout: it has no layer model\.1\.weight"):
        convert("cut", saved(generator_ab=discriminator))
    with pytest.raises(ZooError, match=r"projector is not in the authors' layout: it has no layer mlp_0\.0\.weight"):
        convert("cut", saved(**{**states, "projector": generator}))
    with pytest.raises(ZooError, match="discriminator_b is not in the authors' layout: it has mlp_0"):
        convert("cut", saved(**{**states, "discriminator_b": projector}))
    narrow = {**discriminator, "model.0.weight": discriminator["model.0.weight"][:, :1]}
    with pytest.raises(
        ZooError, match="discriminator_b judges pictures of 1 channels and generator_ab makes pictures of 3"
    ):
        convert("cut", saved(**{**states, "discriminator_b": narrow}))
    with pytest.raises(ZooError, match=r"it has model\.2\.weight too"):
        convert("cut", saved(generator_ab={**generator, "model.2.weight": torch.ones(8)}))
    with pytest.raises(ZooError, match=r"misshapen projector\.perceptrons\.1\.0\.weight"):
        convert("cut", saved(**{**states, "projector": {**projector, "mlp_1.0.weight": torch.ones(16, 9)}}))


@pytest.mark.parametrize(
    "filt", [torch.ones(16, 1, 3, 3) / 9, torch.ones(16, 1, 5, 5) / 25, torch.ones(16), torch.ones(())]
)
def test_another_filter(saved: Any, states: dict[str, State], filt: Tensor) -> None:
    with pytest.raises(ZooError, match=r"generator_ab blurs with another filter than CUT, model\.7\.filt"):
        convert("cut", saved(generator_ab={**states["generator_ab"], "model.7.filt": filt}))
