"""Initial weights."""

from typing import TypeVar

from torch import nn

from .normalization import SPADE
from .spectral import Spectral

Network = TypeVar("Network", bound=nn.Module)


def init_normal(network: Network, gain: float = 0.02, *, zero_bias: bool = True) -> Network:
    """Draw weights of convolutions from N(0, gain) and of batch norms from N(1, gain); zero the biases; in place.

    This initialises pix2pix and CycleGAN (Isola et al. 2017, sec. 6.2).  pix2pixHD (its ``weights_init``) keeps the
    biases that torch draws: ``zero_bias=False``.  On the meta device it does nothing.
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
    """Draw weights by Glorot's normal rule times ``gain`` and zero the biases, in place.

    This is what SPADE's and CUT's authors do (``init_type xavier``).  GcGAN's authors keep the biases that torch draws:
    ``zero_bias=False``.  SPADE's gamma and beta come from one convolution here and from two in the authors' code, so
    its halves are drawn as two convolutions.
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
    """Draw weights by He's normal rule and zero the biases, in place; for the generators of UNIT (2018) and MUNIT."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def init_glorot(network: Network) -> Network:
    """Draw weights by Glorot's uniform rule and zero the biases, in place: what Keras does, for deformable GANs."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def init_uniform(network: Network, deviation: float = 0.02) -> Network:
    """Draw weights evenly with this standard deviation and zero the biases, in place: DCGAN's discriminator in PG2."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.uniform_(layer.weight, -(3**0.5) * deviation, 3**0.5 * deviation)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def init_orthogonal(network: Network) -> Network:
    """Draw orthogonal weights (Saxe et al. 2014, arXiv:1312.6120) and zero the biases, in place; BigGAN and DVD-GAN.

    Their spectral norms are 1.  The estimates of layers with spectral norm become right too, so a network can be used
    before it has been trained.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.Linear, nn.Embedding)):
            nn.init.orthogonal_(layer.weight)
            if isinstance(bias := getattr(layer, "bias", None), nn.Parameter):
                nn.init.zeros_(bias)
        if isinstance(layer, Spectral):
            layer.normalized_weight()
    return network
