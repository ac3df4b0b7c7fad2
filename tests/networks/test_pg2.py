"""The networks of PG2 against the authors' numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.methods.pg2 import PG2
from i2i_zoo.networks.pg2 import BatchDiscriminator, CoarseGenerator, ConvPair, DifferenceGenerator
from methods.pg2 import Layout, golden, inputs


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_parameters_as_the_authors() -> None:
    with torch.device("meta"):
        assert parameters(CoarseGenerator()) == 70_795_075
        assert parameters(DifferenceGenerator()) == 6_058_883
        assert parameters(BatchDiscriminator()) == 4_324_737
        assert parameters(CoarseGenerator(size=(256, 256), blocks=6)) == 122_103_235
        assert parameters(DifferenceGenerator(blocks=4, first_skip=True)) == 12_696_067
        assert parameters(BatchDiscriminator(size=(256, 256), downs=5)) == 10_896_257


def test_networks_for_256_pixels_take_and_give_them() -> None:
    picture = torch.rand(1, 3, 256, 256)
    coarse = CoarseGenerator(size=(256, 256), width=2, blocks=6, code=4)(picture, torch.rand(1, 18, 256, 256))
    assert coarse.shape == picture.shape
    assert DifferenceGenerator(2, 4, first_skip=True)(coarse, picture).shape == picture.shape
    assert BatchDiscriminator(size=(256, 256), width=2, downs=5)(picture).shape == (1, 1)


@pytest.fixture(scope="module")
def model() -> PG2:
    """Both generators with the authors' weights."""
    stored = golden("stage2")
    layout = Layout({network: stored.state(network) for network in ("G1", "G2")})
    with torch.device("meta"):
        model, defaults = PG2(**layout.hparams), PG2()
    assert dict(model.hparams) == {**defaults.hparams, "size": [128, 64]}
    model.load_state_dict(layout.tensors, assign=True)
    return model.eval()


def levels(network: CoarseGenerator | DifferenceGenerator) -> list[Tensor]:
    """Where the outputs of the layers will be, in the authors' order and layout, once the network has run."""
    found: list[Tensor] = []

    def keep(name: str, args: tuple[Tensor, ...], output: Tensor) -> None:
        if name == "expand":  # their maps end with the channels
            output = output.unflatten(1, network.middle).movedim(1, 3).flatten(1)
        elif name.startswith("up."):  # they enlarge before this layer, and we after
            output = F.interpolate(output.relu(), scale_factor=2)
        found.append(output)  # which its activation changes in place

    for name, layer in network.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and name != "last":
            layer.register_forward_hook(lambda _, args, output, name=name: keep(name, args, output))
        elif isinstance(layer, ConvPair) and isinstance(network, CoarseGenerator):
            layer.register_forward_hook(lambda _, args, output: found.append(args[0] + output))
    return found


@torch.inference_mode()
def test_both_generators_are_the_authors(model: PG2) -> None:
    batch = inputs(golden("stage1"))
    found = [levels(network) for network in (model.generator, model.refiner)]
    coarse, refined = model.pictures(batch["source"], batch["target_pose"])
    for case, outputs, picture in (("stage1", found[0], coarse), ("stage2", found[1], refined)):
        stored = golden(case)
        rows = stored.info["stored"]["levels"]["rows"]
        assert len(rows) == len(outputs)
        ok, ratio, difference = stored.check_tensors("levels", outputs)
        assert ok, (case, ratio, difference)
        ok, ratio, difference = stored.check("out", picture[..., ::2, ::2])
        assert ok, (case, ratio, difference)
    assert golden("stage2").check("diff", (refined - coarse)[..., ::2, ::2])[0]
