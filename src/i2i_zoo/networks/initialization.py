"""Initial weights."""

from typing import TypeVar

from torch import nn

from .normalization import SPADE

Network = TypeVar("Network", bound=nn.Module)


def init_normal(network: Network, gain: float = 0.02, *, zero_bias: bool = True) -> Network:
    """Draw the weights of convolutions from N(0, gain), of batch norms from N(1, gain); zero their biases. In place.

    The initialisation of pix2pix and CycleGAN (Isola et al. 2017, sec. 6.2).  pix2pixHD's leaves the biases as torch
    draws them (its ``weights_init``): ``zero_bias=False``.  Does nothing on the meta device.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, gain)
            if layer.bias is not None and zero_bias:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, gain)
            nn.init.zeros_(layer.bias)
    return network


def init_xavier(network: Network, gain: float = 0.02, *, zero_bias: bool = True) -> Network:
    """Draw weights by Glorot's normal rule times ``gain``; zero the biases. In place.

    The initialisation of SPADE's and CUT's authors (``init_type xavier``); GcGAN's leaves the biases as torch draws
    them: ``zero_bias=False``.  The convolution that gives gamma and beta counts as the two that it is in theirs.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_normal_(layer.weight, gain)
            if layer.bias is not None and zero_bias:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, gain)
            nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, SPADE):
            for weight in layer.modulation.weight.detach().chunk(2):
                nn.init.xavier_normal_(weight, gain)
    return network


def init_kaiming(network: Network) -> Network:
    """Draw weights by He's normal rule; zero the biases. In place.  Of UNIT's (2018) and MUNIT's generators."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
