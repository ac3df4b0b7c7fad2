"""TGAN's networks and its clipping against the authors' numbers."""

from __future__ import annotations

from itertools import chain
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from golden.fill import Golden, update_stats
from i2i_zoo.convert.tgan import read
from i2i_zoo.losses.adversarial import clip_weights
from i2i_zoo.networks.tgan import (
    ClipDiscriminator,
    ImageGenerator,
    TemporalGenerator,
    clip_singular_values,
    resampled,
)
from methods.tgan import NETWORKS, golden, snapshot


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_parameters_as_the_authors() -> None:
    with torch.device("meta"):
        assert parameters(TemporalGenerator()) == 825_444
        assert parameters(TemporalGenerator(shift=True)) == 826_468
        assert parameters(ImageGenerator()) == 3_622_691
        assert parameters(ImageGenerator(out_channels=1)) == 3_622_113
        assert parameters(ClipDiscriminator()) == 11_031_489 + 896  # the authors' has a norm of 64 more that is unused


Network = TypeVar("Network", bound=nn.Module)


def authors(stored: Golden, letter: str, network: Network) -> Network:
    """A network with the authors' weights."""
    name = NETWORKS[letter[:2]]
    _, tensors = read({name: snapshot(stored.state(letter))})
    network.load_state_dict({key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items()})
    return network.eval()


def check(stored: Golden, name: str, found: Tensor | list[Tensor]) -> None:
    ok, ratio, difference = (stored.check_tensors if isinstance(found, list) else stored.check)(name, found)
    assert ok, (name, ratio, difference)


def thin(clips: Tensor, frames: list[int]) -> Tensor:
    """What is stored of clips (B, T, C, H, W): some pixels of two clips, as (2, C, T, H, W)."""
    return clips[:2, frames, :, ::2, ::2].transpose(1, 2)


def statistics(network: nn.Module, names: list[str]) -> list[Tensor]:
    norms = [getattr(network, name, None) or network.get_submodule(name) for name in names]
    return [statistic for norm in norms for statistic in (norm.running_mean, norm.running_var)]


@torch.inference_mode()
def test_the_generators_give_the_authors_numbers() -> None:
    stored = golden("generator")
    code, given = stored.input("z0"), stored.input("z1").transpose(1, 2)
    temporal = authors(stored, "G0", TemporalGenerator(shift=True))
    without = authors(stored, "G0_nobeta", TemporalGenerator())
    image = authors(stored, "G1", ImageGenerator())
    gray = authors(stored, "G1_gray", ImageGenerator(out_channels=1))

    inner: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _, args, __: inner.append(args[0].clone()))
        for layer in chain(temporal.up, image.up, [image.last])
    ]
    frames = temporal(code)
    check(stored, "z1_eval", frames.transpose(1, 2))
    clips = image(code, frames)
    for hook in hooks:
        hook.remove()
    check(stored, "layers_G0", inner[:4])
    check(stored, "layers_G1", inner[4:])
    check(stored, "video_eval", thin(clips, [0, 7, 15]))
    check(stored, "frames_eval", list(clips.flatten(0, 1)))
    check(stored, "z1_nobeta_eval", without(code).transpose(1, 2))
    check(stored, "video_given_z1", thin(image(code, given), [0, 15]))
    check(stored, "gray_given_z1", thin(gray(code, given), [0, 15]))

    frames = temporal.train()(code)
    check(stored, "z1_train", frames.transpose(1, 2))
    check(stored, "stats_G0", statistics(temporal, [f"norm.{level}" for level in range(4)]))
    check(stored, "z1_nobeta_train", without.train()(code).transpose(1, 2))
    clips = image.train()(code, frames)
    check(stored, "video_train", thin(clips, [0, 15]))
    check(stored, "frames_train", list(clips.flatten(0, 1)))
    check(stored, "stats_G1", statistics(image, ["clip_norm", "frame_norm", *(f"norm.{n}" for n in range(4))]))


def singular_values(layer: nn.Module) -> Tensor:
    assert isinstance(layer.weight, Tensor)
    matrix = layer.weight.detach().double().flatten(1)
    return torch.linalg.eigvalsh(matrix @ matrix.T).sqrt().flip(0)


def test_singular_values_are_clipped_as_the_authors_do() -> None:
    stored = golden("svc")
    network = authors(stored, "D", ClipDiscriminator())
    state = stored.state("D")
    theirs = {f"c{level}": layer for level, layer in enumerate([*network.down, network.last])}
    theirs |= {f"bn{level + 1}": norm for level, norm in enumerate(network.norm)}

    def rows(name: str) -> list[Tensor]:
        """In the authors' order; their unused norm is clipped too."""
        unused = {key: tensor for key, tensor in state.items() if key.startswith("bn0")}
        deviation = unused["bn0.running_var"].sqrt()
        unused["bn0.weight"] = unused["bn0.weight"].clamp(0.01 * deviation, deviation)
        keys = [row.rpartition(".") for row in stored.info["stored"][name]["rows"]]
        return [
            unused[f"{layer}.{leaf}"] if layer == "bn0" else getattr(theirs[layer], leaf).detach()
            for layer, _, leaf in keys
        ]

    for level in range(5):
        check(stored, f"sv_before_c{level}", singular_values(theirs[f"c{level}"]))
    clip_singular_values(network)
    after = rows("after")
    check(stored, "after", after)
    names = stored.info["stored"]["moved"]["rows"]
    moved = [update_stats(state[name], tensor) for name, tensor in zip(names, after, strict=True)]
    check(stored, "moved", torch.tensor([list(row) for row in moved]))
    check(stored, "weights_c0", theirs["c0"].weight)
    check(stored, "weights_c4", theirs["c4"].weight.flatten()[::4])
    for level in range(5):
        check(stored, f"sv_after_c{level}", singular_values(theirs[f"c{level}"]))
    clip_singular_values(network)
    check(stored, "after_twice", rows("after_twice"))

    for level, norm in enumerate(network.norm, start=1):
        norm.weight.data = stored.input(f"gamma{level}")
        norm.running_var = stored.input(f"std{level}").square()
    clip_singular_values(network)
    for level, norm in enumerate(network.norm, start=1):
        check(stored, f"gamma{level}", norm.weight)


def test_weights_are_clipped_in_every_layer() -> None:
    network = ClipDiscriminator(width=2)
    small = network.last.bias.detach().clone().fill_(0.005)
    network.last.bias.data = small.clone()
    clip_weights(network, 0.01)
    assert max(float(parameter.detach().abs().max()) for parameter in network.parameters()) == pytest.approx(0.01)
    assert all(float(norm.weight.detach().min()) == pytest.approx(0.01) for norm in network.norm)
    assert torch.equal(network.last.bias, small)


def test_codes_between_the_frames() -> None:
    codes = torch.rand(2, 16, 5)
    torch.testing.assert_close(resampled(codes, 16), codes, rtol=0, atol=1e-6)
    between = resampled(codes, 31)
    torch.testing.assert_close(between[:, ::2], codes, rtol=0, atol=1e-6)
    torch.testing.assert_close(between[:, 1::2], (codes[:, 1:] + codes[:, :-1]) / 2, rtol=0, atol=1e-6)


def test_the_discriminators_noise_is_for_training_only() -> None:
    torch.manual_seed(0)
    network = ClipDiscriminator(width=2, noise=0.3)
    clips = torch.rand(2, 16, 3, 64, 64)
    assert not torch.equal(network(clips), network(clips))
    network.eval()
    assert torch.equal(network(clips), network(clips))
