"""VGAN's networks against the numbers of a port, whose layers are the authors'."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from golden.fill import Golden
from i2i_zoo.networks.vgan import Variant, VGANDiscriminator, VGANGenerator

FOLDER = str(Path(__file__).parents[1] / "golden" / "vgan")


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_parameters_as_the_authors() -> None:
    with torch.device("meta"):
        assert parameters(VGANGenerator()) == 16_245_383
        assert parameters(VGANGenerator(variant="one_stream")) == 12_663_619
        assert parameters(VGANDiscriminator()) == 11_057_858
        assert parameters(VGANGenerator(width=128, variant="conditional")) == 68_216_455
        assert parameters(VGANDiscriminator(width=128)) == 44_135_810


def our_name(key: str) -> str:
    """The port's key in our generator: it numbers convolution, norm and ReLU one after the other."""
    part, _, rest = key.partition(".")
    if part == "mymodules":
        return f"{'mask' if rest.startswith('1.') else 'foreground'}.{rest.rpartition('.')[2]}"
    number, leaf = rest.removeprefix("model.").split(".")
    place = f"{int(number) // 3}" if int(number) == 12 else f"{int(number) // 3}.{int(number) % 3}"
    return f"{'trunk' if part == 'video' else 'background'}.{place}.{leaf}"


def authors(stored: Golden, variant: Variant = "two_stream") -> VGANGenerator:
    network = VGANGenerator(variant=variant)
    state = {our_name(key): tensor for key, tensor in stored.state("G").items()}
    network.load_state_dict(state if variant == "two_stream" else {key: state[key] for key in network.state_dict()})
    return network.eval()


def check(stored: Golden, name: str, found: Tensor | list[Tensor]) -> None:
    ok, ratio, difference = (stored.check_tensors if isinstance(found, list) else stored.check)(name, found)
    assert ok, (name, ratio, difference)


def thin(clips: Tensor, frames: list[int]) -> Tensor:
    """What is stored of clips (B, T, C, H, W): some pixels, as (B, C, T, H, W)."""
    return clips[:, frames, :, ::2, ::2].transpose(1, 2)


@torch.inference_mode()
def test_the_generator_gives_the_ports_numbers() -> None:
    stored = Golden("vgan_generator", FOLDER)
    network, code = authors(stored), stored.input("z")
    layers: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda _, __, output: layers.append(output)) for layer in network.trunk]
    made = network(code)
    for hook in hooks:
        hook.remove()
    check(stored, "layers_eval", layers)
    check(stored, "video_eval", thin(made.clip, [0, 15, 31]))
    check(stored, "mask_eval", thin(made.mask, [0, 15, 31]))
    check(stored, "foreground_eval", thin(made.foreground[:1], [0, 31]))
    check(stored, "background_eval", made.background[:, 0, :, ::2, ::2])
    check(stored, "frames_eval", list(made.clip.flatten(0, 1)))
    alone = authors(stored, "one_stream")(code)
    assert alone[1:] == (None, None, None)
    check(stored, "onestream_eval", list(alone.clip.flatten(0, 1)))

    made = network.train()(stored.input("z4"))
    check(stored, "video_train", thin(made.clip[:1], [0, 31]))
    check(stored, "mask_mean_train", made.mask.mean((1, 2, 3, 4)))
    check(stored, "frames_train", list(made.clip[:, ::4].flatten(0, 1)))
    state = network.state_dict()
    check(stored, "stats", [state[our_name(row)] for row in stored.info["stored"]["stats"]["rows"]])


@pytest.mark.parametrize("variant", ["two_stream", "conditional"])
def test_the_parts_make_the_clip(variant: Variant) -> None:
    torch.manual_seed(0)
    source = torch.rand(2, 3, 64, 64) * 2 - 1 if variant == "conditional" else torch.randn(2, 7)
    clip, foreground, background, mask = VGANGenerator(latent=7, width=2, variant=variant)(source)
    assert clip.shape == foreground.shape == (2, 32, 3, 64, 64)
    assert background.shape == (2, 1, 3, 64, 64)
    assert mask.shape == (2, 32, 1, 64, 64)
    torch.testing.assert_close(clip, background + mask * (foreground - background))
    assert VGANDiscriminator(width=2)(clip).shape == (2, 2)
