"""Large pictures in tiles: what the network makes of the whole, in the memory of a tile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.munit import MUNIT
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.networks.resnet import ResNetGenerator
from i2i_zoo.tasks import memory
from i2i_zoo.tasks.tiles import Tiles
from i2i_zoo.tasks.translator import padded

RUNNING = {"norm": "batch", "inference_norm": "running"}


def trained(method: type, **hparams: Any) -> Any:
    """A model as after a training: of outputs with contrast, and with running statistics of its features."""
    torch.manual_seed(0)
    model = method(**{"generator": "resnet_6", "width": 4, **hparams})
    for name in model.inference_networks:
        network = getattr(model, name)
        for parameter in network.parameters():
            if parameter.dim() == 4:
                nn.init.kaiming_normal_(parameter, mode="fan_out" if "none" in hparams.values() else "fan_in")
        for _ in range(30):
            network.train()(torch.rand(2, 3, 64, 64) * 2 - 1)
    return model.eval()


MODELS = {
    "cyclegan without norm": (CycleGAN, {"norm": "none"}),
    "cyclegan by running statistics": (CycleGAN, RUNNING),
    "pix2pix without norm": (Pix2Pix, {"norm": "none"}),
    "pix2pix by running statistics": (Pix2Pix, RUNNING),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    method, hparams = MODELS[request.param]
    return trained(method, **hparams)


def picture(height: int, width: int, channels: int = 3) -> Tensor:
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(height)) * 2 - 1


@pytest.mark.parametrize(
    ("downs", "blocks", "norm"), [(2, 6, "none"), (2, 0, "none"), (1, 3, "batch"), (2, 2, "batch"), (3, 1, "none")]
)
def test_an_output_pixel_sees_the_networks_reach_and_no_pixel_more(downs: int, blocks: int, norm: str) -> None:
    network = ResNetGenerator(1, 1, 2, blocks, norm, inference_norm="running", downs=downs).double().eval()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)
    size = (2 * network.reach // network.stride + 5) * network.stride
    seen = [0, 0]
    for middle in range(size // 2, size // 2 + network.stride):  # what a pixel sees differs with its place in a stride
        image = torch.ones(1, 1, size, size, dtype=torch.float64, requires_grad=True)
        network.body[:-1](image)[0, 0, middle, middle].backward()  # without tanh, which is flat at large values
        assert image.grad is not None
        for places in image.grad[0, 0].nonzero().T:
            seen = [max(seen[0], middle - int(places.min())), max(seen[1], int(places.max()) - middle)]
    assert seen == [network.reach] * 2


def test_the_reach_of_the_authors_networks() -> None:
    assert [ResNetGenerator(width=1, blocks=blocks, norm="none").reach for blocks in (6, 9)] == [60, 84]


@pytest.mark.parametrize(
    "size",
    [
        *((301, 205), (160, 240)),  # several tiles both ways, and in one
        *((161, 160), (160 + 4 * 40, 160 + 4 * 40 + 1)),  # a pixel more than tiles hold
        *((97, 33), (160, 160), (1, 1)),  # no more than a tile
    ],
)
def test_tiles_are_the_whole(model: Any, size: tuple[int, int]) -> None:
    source = picture(*size)
    whole = model.translate(source)
    if min(size) > 1:
        assert 0.1 < whole.std() < 0.9
    for tile in (160, 163):
        torch.testing.assert_close(model.translate(source, tile=tile), whole, rtol=0, atol=2e-5)


def test_the_other_direction() -> None:
    model = trained(CycleGAN, norm="none", in_channels=3, out_channels=3)
    whole = model.translate(picture(170, 190), direction="ba")
    assert not torch.allclose(whole, model.translate(picture(170, 190)), atol=0.1)
    torch.testing.assert_close(model.translate(picture(170, 190), direction="ba", tile=160), whole, rtol=0, atol=2e-5)


def test_it_takes_the_overlap() -> None:
    model, source = trained(Pix2Pix, norm="none"), picture(320, 160)
    whole = model.translate(source)
    network, tiles = model.main_network, Tiles(160, 0)
    without = padded(lambda x: tiles.apply(model, x), source[None], network.stride, network.smallest)[0]
    assert (without - whole).abs().max() > 0.1
    between = (without - whole).abs().amax((0, 2)) > 1e-4
    assert between[150:170].all()
    assert not between[:100].any()
    assert not between[220:].any()


def test_pictures_of_several_sizes_at_once(model: Any) -> None:
    sources = [picture(*size) for size in ((200, 170), (50, 60), (200, 170))]
    pictures = [Image.fromarray(((s + 1) * 127.5).byte().permute(1, 2, 0).numpy()) for s in sources]
    whole, tiled = model.translate(pictures), model.translate(pictures, tile=160)
    for one, other in zip(whole, tiled, strict=True):
        difference = np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16))
        assert difference.max() <= 1
        assert (difference > 0).mean() < 1e-3  # rounding of what lies between two grey levels
    stacked = torch.stack([sources[0], sources[2]])
    torch.testing.assert_close(model.translate(stacked, tile=160), model.translate(stacked), rtol=0, atol=2e-5)


def test_a_model_that_was_trained_at_one_size_works_at_the_pictures_own() -> None:
    model = trained(Pix2Pix, norm="none")
    model.preprocess = model.preprocess_type.from_json({"size": [64, 64]}, "test")
    photo = Image.fromarray(((picture(180, 200) + 1) * 127.5).byte().permute(1, 2, 0).numpy())
    own, tiled = model.translate(photo, size=(180, 200)), model.translate(photo, tile=160)
    assert np.abs(np.asarray(own, np.int16) - np.asarray(tiled, np.int16)).max() <= 1
    assert np.abs(np.asarray(own, np.int16) - np.asarray(model.translate(photo), np.int16)).max() > 20
    assert model.translate(photo, size=(300, 170), tile=160).size == (170, 300)


@pytest.mark.parametrize(
    ("method", "hparams", "reason"),
    [
        (CycleGAN, {}, "by instance norm"),
        (CycleGAN, {"norm": "batch"}, "by batch norm with inference_norm=image"),
        (Pix2Pix, {}, "by batch norm with inference_norm=image"),
        (CycleGAN, {"generator": "unet_64", "norm": "none"}, "by the innermost layers of its network"),
        (Pix2Pix, {"generator": "unet_64", **RUNNING}, "by the innermost layers of its network"),
    ],
)
def test_models_that_see_the_whole_picture_say_so(method: type, hparams: dict[str, Any], reason: str) -> None:
    model = method(**{"generator": "resnet_6", "width": 2, **hparams}).eval()
    with pytest.raises(ZooError, match=rf"tile=512: .* depends on the whole picture, {reason}, and tiles .* norm=none"):
        model.translate(picture(64, 64), tile=512)


def test_styles_see_the_whole_picture_too() -> None:
    model = MUNIT(width=2, blocks=1, hidden=4, discriminator_width=2).eval()
    with pytest.raises(ZooError, match=r"tile=512: .* by instance norm"):
        model.translate(picture(64, 64), seed=1, tile=512)


def test_tiles_that_make_no_sense() -> None:
    model = CycleGAN(norm="none", width=2, generator="resnet_9").eval()
    for tile in (0, -5, 512.0, True):
        with pytest.raises(ZooError, match=rf"tile={tile}: give a positive whole number"):
            model.translate(picture(64, 64), tile=tile)
    with pytest.raises(ZooError, match=r"tile=171: .* 84 pixels to each side, and a tile must hold 172; give 336"):
        model.translate(picture(8, 8), tile=171)
    assert model.translate(picture(8, 8), tile=172).shape == (3, 8, 8)
    with pytest.raises(ZooError, match=r"tile=512: in train mode .* eval\(\) first"):
        model.train().translate(picture(8, 8), tile=512)
    dropping = Pix2Pix(generator="resnet_6", width=2, norm="none", inference_dropout=True).eval()
    with pytest.raises(ZooError, match=r"tile=512: this model uses dropout .* inference_dropout=False"):
        dropping.translate(picture(8, 8), tile=512)


class InTiles(nn.Module):
    def __init__(self, model: Any, tile: int) -> None:
        super().__init__()
        self.model, self.tiles = model, Tiles.of(model.main_network, tile)

    def forward(self, source: Tensor) -> Tensor:
        return self.tiles.apply(self.model, source)


def test_the_memory_is_that_of_a_tile() -> None:
    with torch.device("meta"):
        model = Pix2Pix(generator="resnet_9", norm="none").eval()
    tile, whole = (torch.empty(1, 3, *size, device="meta") for size in ((512, 512), (2000, 3000)))
    pictures = 4 * 2 * whole.numel()  # source and result
    tiled = memory.peak_bytes(InTiles(model, 512), whole)
    assert tiled <= memory.peak_bytes(model, tile) + pictures
    assert memory.peak_bytes(model, whole) > 10 * tiled


def test_memory_is_judged_by_the_tile() -> None:
    model = Pix2Pix(generator="resnet_6", width=4, norm="none").eval()
    huge = (3, 200_000, 200_000)
    with pytest.raises(ZooError, match=r"the network at 200000x200000 pixels .* work at a smaller size"):
        model.translator().check_memory(1, huge)
    model.translator(tile=512).check_memory(5, huge)
    with pytest.raises(ZooError, match=r"the network at 100000x100000 pixels .* take smaller tiles or give fewer"):
        model.translator(tile=100_000).check_memory(2, huge)
