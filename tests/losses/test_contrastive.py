from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from i2i_zoo.losses.contrastive import PatchProjector, draw_places, patch_nce_loss


def vectors(*shape: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_the_loss_is_the_papers() -> None:
    queries, keys = ([vectors(2, 3, 4, seed=seed + n) for n in range(2)] for seed in (0, 10))
    found = []
    for layer in range(2):
        for image in range(2):
            for place in range(3):  # eq. 2
                similar = [float(queries[layer][image, place] @ key) / 0.1 for key in keys[layer][image]]
                found.append(-math.log(math.exp(similar[place]) / sum(map(math.exp, similar))))
    assert float(patch_nce_loss(queries, keys, 0.1)) == pytest.approx(sum(found) / len(found), rel=1e-5)


def test_negatives_are_of_the_same_image() -> None:
    queries, keys = vectors(2, 3, 4, seed=0), vectors(2, 3, 4, seed=1)
    alone = [float(patch_nce_loss([q[None]], [k[None]])) for q, k in zip(queries, keys, strict=True)]
    assert float(patch_nce_loss([queries], [keys])) == pytest.approx(sum(alone) / 2, rel=1e-5)


def test_no_gradient_for_keys() -> None:
    queries, keys = (vectors(1, 3, 4, seed=seed).requires_grad_() for seed in (0, 1))
    patch_nce_loss([queries], [keys]).backward()
    assert queries.grad is not None
    assert keys.grad is None


def test_similarities_are_exact_in_16_bits() -> None:
    queries, keys = vectors(1, 64, 16, seed=0), vectors(1, 64, 16, seed=1)
    exact = patch_nce_loss([queries], [keys])
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(patch_nce_loss([queries], [keys]), exact)


def test_places() -> None:
    maps = [torch.zeros(2, 1, 5, 7), torch.zeros(2, 1, 2, 3)]
    torch.manual_seed(0)
    many, few = draw_places(maps, 10)
    assert many.shape == (10,)
    assert len(many.unique()) == 10
    assert int(many.max()) < 35
    assert sorted(few.tolist()) == list(range(6))
    torch.manual_seed(0)
    assert torch.equal(draw_places(maps, 10)[0], many)
    assert not torch.equal(draw_places(maps, 10)[0], many)


def test_vectors_are_those_of_their_places() -> None:
    torch.manual_seed(0)
    projector = PatchProjector([3, 5], width=8)
    maps = [torch.randn(2, 3, 4, 6), torch.randn(2, 5, 2, 3)]
    where = [torch.tensor([0, 7, 23]), torch.tensor([5, 1])]
    first, second = projector(maps, where)
    assert (first.shape, second.shape) == ((2, 3, 8), (2, 2, 8))
    torch.testing.assert_close(first.norm(dim=-1), torch.ones(2, 3))
    pixel = projector.perceptrons[0](maps[0][1, :, 1, 1])
    torch.testing.assert_close(first[1, 1], F.normalize(pixel, dim=0))
