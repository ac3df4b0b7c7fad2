"""The nearest-neighbour loss against the numbers of its authors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from i2i_zoo.losses.nearest_neighbour import FeatureLoss, NearestNeighbourLoss, nearest_neighbour_map
from methods.posegan import golden


def features(channels: int, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of the generated and of the real picture, as the authors' case describes them."""
    stored = golden("nn_loss")
    real, noise = stored.input(f"reference_c{channels}"), stored.input(f"target_c{channels}")
    fake = {"random": noise, "shift": real.roll((1, 1), (2, 3)), "near": real.roll(2, 3) + 0.25 * noise}[kind]
    return fake.requires_grad_(), real.requires_grad_()


@pytest.mark.parametrize("window", [3, 5])
@pytest.mark.parametrize("kind", ["random", "shift", "near"])
def test_maps_and_gradients_are_the_authors(kind: str, window: int) -> None:
    stored = golden("nn_loss")
    for channels in (4, 64):
        fake, real = features(channels, kind)
        found = nearest_neighbour_map(fake, real, window)
        gradients = torch.autograd.grad(found.mean(), [fake, real])
        name = f"c{channels}_{kind}_{window}"
        column = stored.info["stored"]["losses"]["columns"].index(name)
        assert found.mean().item() == pytest.approx(float(stored["losses"][column]), rel=1e-5)
        if channels == 4:
            assert stored.check(f"map_{name}", found)[0]
            assert stored.check(f"grad_target_{name}", gradients[0])[0]
        else:
            assert stored.check_tensors(f"grad_{name}", list(gradients))[0]


def test_an_even_window_is_the_next_odd_one() -> None:
    fake, real = features(4, "random")
    torch.testing.assert_close(nearest_neighbour_map(fake, real, 2), nearest_neighbour_map(fake, real, 3))
    torch.testing.assert_close(nearest_neighbour_map(fake, real, 1), (fake - real).abs().sum(1))


def test_shifted_pictures_are_near(hed: Path) -> None:
    random = torch.Generator().manual_seed(0)
    real = torch.rand(1, 3, 24, 24, generator=random) * 2 - 1
    fake = real.roll((1, -1), (2, 3)).requires_grad_()
    losses = [NearestNeighbourLoss("vgg16_hed", window)(fake, real) for window in (1, 3, 5)]
    assert losses[0] > 3 * losses[1] > 0
    assert losses[1] >= losses[2]
    losses[1].backward()
    assert fake.grad is not None
    assert fake.grad.abs().max() > 0
    assert FeatureLoss("vgg16_hed")(real, real) == 0
    assert FeatureLoss("vgg16_hed")(fake, real) > 0
