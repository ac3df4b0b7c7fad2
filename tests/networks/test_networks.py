"""Networks: sizes, receptive fields and initial weights as the papers state them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.discriminators import RECEPTIVE_FIELDS, PatchDiscriminator
from i2i_zoo.networks.fast_style import FastStyleNet
from i2i_zoo.networks.initialization import init_normal
from i2i_zoo.networks.normalization import BatchNorm2d, norm_layer
from i2i_zoo.networks.resnet import ResNetGenerator
from i2i_zoo.networks.unet import UNet


# Counted in the authors' PyTorch code.
@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: UNet(downs=8), 54_413_955),
        (lambda: UNet(downs=7), 41_828_995),
        (lambda: UNet(1, 2, downs=8), 54_409_858),
        (lambda: UNet(downs=8, norm="instance"), 54_409_603),
        (lambda: ResNetGenerator(blocks=9, norm="batch"), 11_383_427),
        (lambda: ResNetGenerator(blocks=6, norm="batch"), 7_841_411),
        (lambda: ResNetGenerator(blocks=9), 11_378_179),
        (lambda: ResNetGenerator(blocks=6), 7_837_699),
        (lambda: FastStyleNet(), 1_679_235),
        (lambda: PatchDiscriminator(6, receptive_field=1), 9_024),
        (lambda: PatchDiscriminator(6, receptive_field=16), 139_585),
        (lambda: PatchDiscriminator(6, receptive_field=34), 666_433),
        (lambda: PatchDiscriminator(6, receptive_field=70), 2_768_705),
        (lambda: PatchDiscriminator(3, receptive_field=70), 2_765_633),
        (lambda: PatchDiscriminator(6, receptive_field=142), 6_964_033),
        (lambda: PatchDiscriminator(6, receptive_field=286), 11_159_361),
    ],
)
def test_number_of_parameters(build, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in build().parameters()) == parameters


@pytest.mark.parametrize("field", RECEPTIVE_FIELDS)
def test_a_logit_sees_its_receptive_field_and_no_pixel_more(field: int) -> None:
    discriminator = PatchDiscriminator(1, width=2, receptive_field=field, norm="none")
    for parameter in discriminator.parameters():
        nn.init.constant_(parameter, 0.1)
    image = torch.ones(1, 1, 2 * field + 64, 2 * field + 64, requires_grad=True)
    logits = discriminator(image)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    assert image.grad is not None
    rows, columns = image.grad[0, 0].nonzero().T
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (field, field)


def test_logit_maps_of_256_pixels() -> None:
    image = torch.zeros(1, 6, 256, 256)
    sizes = {field: PatchDiscriminator(6, 2, field)(image).shape[-1] for field in RECEPTIVE_FIELDS}
    assert sizes == {1: 256, 16: 126, 34: 62, 70: 30, 142: 14, 286: 6}


def test_unknown_names_are_one_sentence() -> None:
    with pytest.raises(ZooError, match="No PatchGAN sees 71 pixels"):
        PatchDiscriminator(receptive_field=71)
    with pytest.raises(ZooError, match="Unknown normalisation 'layer'"):
        norm_layer("layer")
    with pytest.raises(ZooError, match="Unknown normalisation 'layer': choose instance or batch"):
        FastStyleNet(norm="layer")


def test_unet_uses_its_skips() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 32, 32)
    for skips in (True, False):
        network = UNet(width=4, downs=5, dropout=False, skips=skips, norm="instance").eval()
        with torch.no_grad():
            before = network(image)
            network.down[4].conv.weight.zero_()  # cut the bottleneck
            after = network(image) - network(image.flip(3))
        assert before.shape == (1, 3, 32, 32)
        assert (after.abs().max() > 0) == skips


def test_dropout_is_where_the_authors_have_it() -> None:
    def dropped(network: UNet) -> list[int]:
        return [level for level, up in enumerate(network.up) if isinstance(up.dropout, nn.Dropout)]

    assert dropped(UNet(width=1, downs=8)) == [4, 5, 6]
    assert dropped(UNet(width=1, downs=7)) == [4, 5]
    assert dropped(UNet(width=1, downs=8, skips=False)) == [5, 6, 7]
    assert dropped(UNet(width=1, downs=8, dropout=False)) == []


def test_batch_norm_normalises_each_image_by_itself() -> None:
    torch.manual_seed(0)
    layer = BatchNorm2d(3)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    images = torch.randn(4, 3, 8, 8) * torch.arange(1, 5)[:, None, None, None]
    own = torch.cat([nn.functional.batch_norm(x[None], None, None, layer.weight, layer.bias, True) for x in images])
    torch.testing.assert_close(layer.eval()(images), own, rtol=0, atol=1e-5)
    assert layer.num_batches_tracked == 0
    together = layer.train()(images)
    assert layer.num_batches_tracked == 1
    assert not torch.allclose(together, own, atol=1e-2)
    running = BatchNorm2d(3, inference="running").eval()
    torch.testing.assert_close(running(images), images / (1 + 1e-5) ** 0.5)


def test_initial_weights() -> None:
    torch.manual_seed(0)
    network = init_normal(UNet(width=16, downs=5))
    weights = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, nn.Conv2d)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    scales = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert scales.mean().item() == pytest.approx(1, abs=0.005)
    assert scales.std().item() == pytest.approx(0.02, rel=0.2)
    assert not network.up[0].conv.bias.any()
