"""Torchvision's classifiers as feature extractors."""

from __future__ import annotations

import pytest
import torch

from i2i_zoo.pretrained.backbones import TAPS, frozen_features


@pytest.mark.parametrize("backbone", TAPS)
def test_each_tap_is_the_first_relu_of_a_block(backbone: str) -> None:
    with torch.device("meta"):
        layers = frozen_features(backbone, TAPS[backbone][-1] + 1)
    assert all(isinstance(layers[index], torch.nn.ReLU) for index in TAPS[backbone])
    assert not any(layer.inplace for layer in layers if isinstance(layer, torch.nn.ReLU))
    assert not any(parameter.requires_grad for parameter in layers.parameters())
