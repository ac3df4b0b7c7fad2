"""Initial weights."""

from torch import nn


def init_normal(network: nn.Module, gain: float = 0.02) -> nn.Module:
    """Draw the weights of convolutions from N(0, gain), of batch norms from N(1, gain); zero their biases. In place.

    The initialisation of pix2pix and CycleGAN (Isola et al. 2017, sec. 6.2).  Does nothing on the meta device.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, gain)
            nn.init.zeros_(layer.bias)
    return network
