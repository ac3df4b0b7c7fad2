"""Thin lines from soft edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.morphology import label, thin

from i2i_zoo.media.lines import across, suppressed, thin_lines, thinned, without_small


def blobs(seed: int) -> np.ndarray:
    """Booleans (40, 60) in pieces of many shapes."""
    noise = torch.rand(1, 1, 40, 60, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool2d(noise, 5, 1, 2)[0, 0]
    return (smooth > smooth.median()).numpy()


@pytest.mark.parametrize("seed", range(4))
def test_thinning_is_that_of_matlab(seed: int) -> None:
    lines = blobs(seed)
    before = lines.copy()
    np.testing.assert_array_equal(thinned(lines), thin(lines))  # scikit-image's, made after MATLAB's
    np.testing.assert_array_equal(lines, before)


@pytest.mark.parametrize("smallest", [0, 5, 12])
def test_small_pieces_go(smallest: int) -> None:
    lines = thin(blobs(0)) & (np.random.default_rng(0).random((40, 60)) < 0.8)
    pieces = label(lines, connectivity=2)
    large = np.flatnonzero(np.bincount(pieces.ravel()) >= smallest)
    np.testing.assert_array_equal(without_small(lines, smallest), lines & np.isin(pieces, large))


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150])
def test_a_broad_line_becomes_its_ridge(degrees: int) -> None:
    y, x = torch.meshgrid(torch.arange(64) - 31.3, torch.arange(64) - 31.3, indexing="ij")
    angle = math.radians(degrees)
    distance = x * math.cos(angle) + y * math.sin(angle)
    strength = 0.8 * (-(distance**2) / 18).exp()
    middle = across(strength)[20:44, 20:44][distance[20:44, 20:44].abs() < 1]
    assert (middle - angle).remainder(math.pi).add(0.2).remainder(math.pi).max() < 0.4
    lines = thin_lines(strength, 25 / 255, 5)
    assert lines.dtype == torch.bool
    assert distance[lines].abs().max() < 1.5
    assert lines.sum() >= 50
    assert not thin_lines(strength, 0.9, 5).any()


def test_edges_fade_towards_the_border() -> None:
    strength = torch.full((30, 20), 0.5)
    found = suppressed(strength)
    assert found[0].max() == found[:, -1].max() == 0
    torch.testing.assert_close(found[1, 8], torch.tensor(0.1))
    assert (found[5:-5, 5:-5] == 0.5).all()
    assert not thin_lines(torch.zeros(8, 8), 0, 0).any()
