"""DVD-GAN's networks against the paper's formulas, written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.networks.dvdgan import (
    GENERATOR_WIDTHS,
    ClipDiscriminator,
    ClipGenerator,
    ClipNorm,
    ClipSize,
    ConvGRU,
    DiscriminatorBlock,
    GeneratorBlock,
    doubled,
    downsampled,
)
from i2i_zoo.networks.spectral import Spectral


def shaken(network: nn.Module) -> nn.Module:
    """The network with random biases and weights, in eval mode, so that nothing is 0 or orthogonal."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=0.2)
        for name, value in network.named_buffers():
            if "running" in name:
                value.copy_(torch.rand(value.shape) + 0.5)
        for layer in network.modules():
            if isinstance(layer, Spectral):
                for _ in range(20):
                    layer.normalized_weight()  # which brings its estimates near
    return network.eval()


def convolved(layer: nn.Module, x: Tensor) -> Tensor:
    return F.conv2d(x, layer.normalized_weight(), layer.bias, padding=1)  # type: ignore[operator, arg-type]


@pytest.mark.parametrize("given", [1, 5])
def test_the_gru_is_the_papers(given: int) -> None:
    torch.manual_seed(0)
    gru, x = shaken(ConvGRU(4)), torch.randn(2, given, 4, 6, 6)
    state, states = torch.zeros(2, 4, 6, 6), []
    for time in range(5):
        frame = x[:, min(time, given - 1)]
        reset = torch.sigmoid(convolved(gru.reset, torch.cat([state, frame], 1)))
        update = torch.sigmoid(convolved(gru.update, torch.cat([state, frame], 1)))
        candidate = F.relu(convolved(gru.candidate, torch.cat([reset * state, frame], 1)))
        state = update * state + (1 - update) * candidate
        states.append(state)
    torch.testing.assert_close(gru(x, 5), torch.stack(states, 1))


def test_frames_are_normalised_by_themselves() -> None:
    torch.manual_seed(0)
    norm = shaken(ClipNorm(3, 5, 4)).train()
    before = norm.running_mean.clone(), norm.running_var.clone()
    x, code = torch.randn(2, 4, 3, 6, 6) * 3 + 1, torch.randn(2, 5)
    output = norm(x, code)
    norm.eval()
    scale, shift = norm.scale(code)[:, :, None, None], norm.shift(code)[:, :, None, None]
    for time in range(4):
        frame = x[:, time]
        var, mean = torch.var_mean(frame, (0, 2, 3), keepdim=True, correction=0)
        expected = (1 + scale) * (frame - mean) / (var + 1e-5).sqrt() + shift
        torch.testing.assert_close(output[:, time], expected)
        running = 0.9 * before[1][time] + 0.1 * frame.var((0, 2, 3))
        torch.testing.assert_close(norm.running_mean[time], 0.9 * before[0][time] + 0.1 * mean.flatten())
        torch.testing.assert_close(norm.running_var[time], running)


def test_in_eval_mode_later_frames_have_the_last_ones_statistics() -> None:
    torch.manual_seed(0)
    norm = shaken(ClipNorm(3, 5, 4))
    x, code = torch.randn(2, 6, 3, 4, 4), torch.randn(2, 5)
    output = norm(x, code)
    for time, place in enumerate([0, 1, 2, 3, 3, 3]):
        mean, var = (each[place][:, None, None] for each in (norm.running_mean, norm.running_var))
        expected = (x[:, time] - mean) / (var + 1e-5).sqrt() * (1 + norm.scale(code))[:, :, None, None]
        torch.testing.assert_close(output[:, time], expected + norm.shift(code)[:, :, None, None])
    torch.testing.assert_close(norm(x[:, :2], code), output[:, :2])


@pytest.mark.parametrize("doubles", [False, True])
def test_a_block_of_the_generator_doubles_both_branches(doubles: bool) -> None:
    torch.manual_seed(0)
    block = shaken(GeneratorBlock(4, 2 if doubles else 4, 5, 3, doubles))
    x, code = torch.randn(2, 3, 4, 4, 4), torch.randn(2, 5)
    grown = (lambda maps: F.interpolate(maps, size=(8, 8), mode="bilinear")) if doubles else nn.Identity()
    y = convolved(block.conv_0, grown(F.relu(block.norm_0(x, code)).flatten(0, 1)))
    y = convolved(block.conv_1, F.relu(block.norm_1(y.unflatten(0, (2, 3)), code)).flatten(0, 1))
    skip = grown(x.flatten(0, 1))
    if doubles:
        skip = F.conv2d(skip, block.shortcut.normalized_weight())  # doubled first, as in the paper's figure
    torch.testing.assert_close(block(x, code).flatten(0, 1), skip + y)


def test_blocks_of_the_discriminator() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 8, 8)
    volume = shaken(DiscriminatorBlock(3, 4, first=True, halves=True, volume=True))
    y = volume.conv_1(F.relu(volume.conv_0(x)))
    expected = F.avg_pool3d(y + F.conv3d(x, volume.shortcut.normalized_weight()), 2)
    torch.testing.assert_close(volume(x), expected)
    plain = shaken(DiscriminatorBlock(3, 3, first=False, halves=False, volume=False))
    y = convolved(plain.conv_1, F.relu(convolved(plain.conv_0, F.relu(x[:, :, 0]))))
    torch.testing.assert_close(plain(x[:, :, 0]), x[:, :, 0] + y)


def test_the_score_of_a_clip_sums_those_of_its_frames() -> None:
    torch.manual_seed(0)
    network = shaken(ClipDiscriminator(3, 5, 2, 32))
    clips, action = torch.randn(2, 3, 3, 32, 32), torch.tensor([4, 1])
    expected = torch.zeros(2)
    weight, bias = network.last.normalized_weight()[0], network.last.bias
    for frame in clips.unbind(1):
        features = F.relu(network.of_frames(frame)).sum((2, 3))
        projection = (network.classes.normalized_weight()[action] * features).sum(1)
        expected = expected + features @ weight + bias + projection
    torch.testing.assert_close(network(clips, action), expected, rtol=1e-4, atol=1e-4)
    alone = torch.stack([network(clips[:, time : time + 1], action) for time in range(3)]).sum(0)
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-4)


def test_only_the_temporal_discriminator_knows_the_order_of_frames() -> None:
    torch.manual_seed(0)
    clips, action = torch.randn(2, 8, 3, 32, 32), torch.tensor([0, 1])
    backwards = clips.flip(1)
    spatial, temporal = (shaken(ClipDiscriminator(3, 2, 2, 32, volumes)) for volumes in (0, 2))
    torch.testing.assert_close(spatial(clips, action), spatial(backwards, action), rtol=1e-4, atol=1e-4)
    small = downsampled(clips)
    assert small.shape == (2, 8, 3, 16, 16)
    torch.testing.assert_close(small[1, 5, :, 3, 4], clips[1, 5, :, 6:8, 8:10].mean((1, 2)))
    assert (temporal(small, action) - temporal(downsampled(backwards), action)).abs().min() > 1e-3


@pytest.mark.parametrize("size", GENERATOR_WIDTHS)
def test_all_sizes(size: ClipSize) -> None:
    with torch.device("meta"):
        generator = ClipGenerator(3, 2, 4, 3, 1, size, 4)
        clips = generator(torch.randn(2, 4), torch.tensor([0, 1]), 4)
        assert clips.shape == (2, 4, 3, size, size)
        assert ClipDiscriminator(3, 2, 1, size)(clips, torch.tensor([0, 1])).shape == (2,)
        assert ClipDiscriminator(3, 2, 1, size, 2)(downsampled(clips), torch.tensor([0, 1])).shape == (2,)


def test_a_clip_depends_on_its_own_latent_and_class() -> None:
    torch.manual_seed(0)
    generator = shaken(ClipGenerator(3, 2, 4, 3, 1, 32, 4))
    latent, action = torch.randn(3, 4), torch.tensor([0, 1, 1])
    clips = generator(latent, action, 4)
    for place in range(3):
        alone = generator(latent[place : place + 1], action[place : place + 1], 4)
        torch.testing.assert_close(alone[0], clips[place], rtol=0, atol=1e-5)
    other = generator(latent, 1 - action, 4)
    assert (other - clips).abs().amax((1, 2, 3, 4)).min() > 1e-3
    assert (clips[:, 1:] - clips[:, :-1]).abs().amax((0, 2, 3, 4)).min() > 1e-4


def test_parameters_counted_by_hand() -> None:
    """For code = 3 + 2: a GRU has 54 C^2 + 3 C, a keeping block 18 C^2 + 21 C, a doubling one 10 ab + 9 b^2 + ..."""

    def gru(c: int) -> int:
        return 3 * (9 * 2 * c * c + c)

    def keeping(c: int) -> int:
        return 4 * 5 * c + 9 * c * c + 9 * c * c + c

    def doubling(a: int, b: int) -> int:
        return 2 * 5 * a + 9 * a * b + 2 * 5 * b + 9 * b * b + b + a * b

    def judging(a: int, b: int, taps: int = 9) -> int:
        return taps * a * b + b + taps * b * b + b + a * b

    groups = gru(16) + keeping(16) + doubling(16, 16) + gru(16) + keeping(16) + doubling(16, 8)
    groups += gru(8) + keeping(8) + doubling(8, 4)
    generator = 3 * 2 + (5 * 256 + 256) + groups + 2 * 5 * 4 + (9 * 4 * 3 + 3)
    rest = judging(2, 4) + judging(4, 8) + (8 + 1) + 3 * 8
    counted = [
        (ClipGenerator(3, 3, 3, 2, 1, 32, 4), generator, 52_017),
        (ClipDiscriminator(3, 3, 1, 32), judging(3, 1) + judging(1, 2) + rest, 1_278),
        (ClipDiscriminator(3, 3, 1, 32, 2), judging(3, 1, 27) + judging(1, 2, 27) + rest, 1_458),
    ]
    for network, formula, number in counted:
        assert sum(parameter.numel() for parameter in network.parameters()) == formula == number


def test_doubled_maps_are_bilinear() -> None:
    maps = torch.tensor([[[[0.0, 4.0]]]])
    torch.testing.assert_close(doubled(maps), torch.tensor([[[[0.0, 1.0, 3.0, 4.0]] * 2]]))
