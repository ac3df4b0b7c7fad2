"""Normalisation layers against torch's own, against their formula, and what the demonstration measures of them."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.normalization import (
    NORMALIZATIONS,
    SPADE,
    AdaIN,
    BatchNorm2d,
    ConditionalNorm,
    GroupNorm,
    InstanceNorm2d,
    LayerNorm,
    adain,
    adaptive_norm,
    channel_statistics,
)
from i2i_zoo.normalization_figure import (
    batch,
    examples,
    figure,
    in_double,
    shifts,
    small,
    statistics_set,
    statistics_sets,
)

CHANNELS, SIZE = 4, (5, 7)


def close(actual: Tensor, expected: Tensor, atol: float = 1e-6) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def activation(seed: int = 0, count: int = 3) -> Tensor:
    """Each channel of each image with statistics of its own."""
    generator = torch.Generator().manual_seed(seed)
    x, scale, shift = (
        torch.randn(count, CHANNELS, *size, generator=generator, dtype=torch.double) for size in (SIZE, (1, 1), (1, 1))
    )
    return (0.5 + scale.abs()) * x + 2 * shift


def drawn(layer: Any) -> Any:
    """The layer in double, with random parameters."""
    generator = torch.Generator().manual_seed(1)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, generator=generator)
    return layer.double()


def same(layer: nn.Module, torch_layer: nn.Module, x: Tensor) -> None:
    """Outputs, and gradients of input and parameters, are equal."""
    results = []
    for each in (layer, torch_layer):
        probe = x.clone().requires_grad_()
        y = each(probe)
        gradients = torch.autograd.grad((y * y.detach().cos()).sum(), [probe, *each.parameters()])
        results.append((y.detach(), *gradients))
    for actual, expected in zip(*results, strict=True):
        close(actual, expected)


def by_formula(x: Tensor, axes: tuple[int, ...], correction: int = 0) -> Tensor:
    return (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=correction, keepdim=True) + 1e-5).sqrt()


def per_channel(values: Tensor) -> Tensor:
    return values[:, None, None]


def test_batch_norm_is_torchs() -> None:
    ours, torchs = drawn(BatchNorm2d(CHANNELS, "running")), drawn(nn.BatchNorm2d(CHANNELS))
    for seed in range(3):
        same(ours, torchs, activation(seed))
    same(ours.eval(), torchs.eval(), activation(3))
    for name, buffer in torchs.named_buffers():
        close(ours.get_buffer(name), buffer)
    x, fresh = activation(), BatchNorm2d(CHANNELS).double()
    close(fresh(x), by_formula(x, (0, 2, 3)))
    close(fresh.running_mean, 0.1 * x.mean((0, 2, 3)))
    close(fresh.running_var, 0.9 + 0.1 * x.var((0, 2, 3), correction=1))


def test_instance_norm_is_torchs() -> None:
    x = activation()
    same(drawn(InstanceNorm2d(CHANNELS, affine=True)), drawn(nn.InstanceNorm2d(CHANNELS, affine=True)), x)
    layer = InstanceNorm2d(CHANNELS)
    close(layer(x), by_formula(x, (2, 3)))
    close(layer.eval()(x), by_formula(x, (2, 3)))
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        layer(x[..., :1, :1])


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm_is_torchs(groups: int) -> None:
    x, layer = activation(), drawn(GroupNorm(CHANNELS, groups))
    same(layer, drawn(nn.GroupNorm(groups, CHANNELS)), x)
    normal = by_formula(x.view(3, groups, -1, *SIZE), (2, 3, 4)).view(x.shape)
    close(layer(x), normal * per_channel(layer.weight) + per_channel(layer.bias))


def test_one_group_is_layer_norm_and_as_many_as_channels_instance_norm() -> None:
    x = activation()
    layer = drawn(LayerNorm(CHANNELS))
    torchs = nn.LayerNorm([CHANNELS, *SIZE]).double()
    with torch.no_grad():
        torchs.weight.copy_(per_channel(layer.weight).expand_as(torchs.weight))
        torchs.bias.copy_(per_channel(layer.bias).expand_as(torchs.bias))
    close(layer(x), torchs(x))
    same(layer, drawn(GroupNorm(CHANNELS, 1)), x)
    same(drawn(GroupNorm(CHANNELS, CHANNELS)), drawn(InstanceNorm2d(CHANNELS, affine=True)), x)
    with pytest.raises(ZooError, match="4 channels do not divide into 3 groups"):
        GroupNorm(CHANNELS, 3)


def test_batch_norm_of_one_picture_is_instance_norm() -> None:
    x = activation(count=1)
    same(drawn(BatchNorm2d(CHANNELS)), drawn(InstanceNorm2d(CHANNELS, affine=True)), x)
    assert not torch.allclose(BatchNorm2d(CHANNELS).double()(activation())[:1], InstanceNorm2d(CHANNELS)(x), atol=0.1)


def test_adain_gives_the_statistics_of_the_style() -> None:
    x, style, layer = activation(), activation(1)[..., :4], AdaIN()
    y = layer(x, style)
    mean, std = channel_statistics(style)
    assert mean.shape == std.shape == (3, CHANNELS, 1, 1)
    close(std, (style.var((2, 3), correction=1, keepdim=True) + 1e-5).sqrt())
    close(y, std * by_formula(x, (2, 3), correction=1) + mean)
    close(y, adain(x, mean, std))
    for actual, expected in zip(channel_statistics(y), (mean, std), strict=True):
        close(actual, expected, 1e-4)  # eps
    close(layer(x, x), x)
    with pytest.raises(ZooError, match="single pixel"):
        layer(x, style[..., :1, :1])
    with pytest.raises(ZooError, match="needs a style's features"):
        layer(x)


def test_adain_takes_maps_of_statistics() -> None:
    x, styles = activation(), [channel_statistics(activation(seed)) for seed in (1, 2)]
    left = torch.arange(SIZE[1]) < 3
    y = adain(x, *(torch.where(left, first, second) for first, second in zip(*styles, strict=True)))
    close(y[..., :3], adain(x, *styles[0])[..., :3])
    close(y[..., 3:], adain(x, *styles[1])[..., 3:])


def test_the_norm_of_munit_scales_and_shifts_each_channel_of_each_image() -> None:
    x, (scale, shift) = activation(), torch.randn(2, 3, CHANNELS, dtype=torch.double)
    close(adaptive_norm(x, scale, shift), by_formula(x, (2, 3)) * scale[..., None, None] + shift[..., None, None])


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_spade_with_constant_maps_is_its_base_norm(norm: str) -> None:
    x, layer = activation(), drawn(SPADE(CHANNELS, 2, hidden=3, norm=norm))
    segmentation = F.one_hot(torch.arange(2).repeat(3, 6, 3), 2).movedim(-1, 1).double()
    maps = layer.modulate(F.interpolate(segmentation, SIZE))
    close(layer(x, segmentation), layer.modulated(x, maps))  # brought to the size of x
    base = by_formula(x, (0, 2, 3) if norm == "batch" else (2, 3))
    close(layer(x, segmentation), base * (1 + maps[:, :CHANNELS]) + maps[:, CHANNELS:])
    with torch.no_grad():
        layer.modulation.weight.zero_()
    gamma, beta = map(per_channel, layer.modulation.bias.chunk(2))
    close(layer(x, segmentation), base * (1 + gamma) + beta)
    with pytest.raises(ZooError, match="needs a segmentation"):
        layer(x)


def test_conditional_norm_with_equal_rows_is_its_base_norm() -> None:
    x, ids = activation(), torch.tensor([2, 0, 2])
    layer, plain = drawn(ConditionalNorm(CHANNELS, 3)), drawn(BatchNorm2d(CHANNELS, "running"))
    close(layer(x, ids)[2], (by_formula(x, (0, 2, 3)) * per_channel(layer.scale[2]) + per_channel(layer.shift[2]))[2])
    with torch.no_grad():
        layer.scale.copy_(plain.weight.expand(3, -1))
        layer.shift.copy_(plain.bias.expand(3, -1))
    plain(x)  # as often as the other, for the running statistics
    close(layer(x, ids), plain(x))
    close(layer.eval()(x, ids), plain.eval()(x))
    close(ConditionalNorm(CHANNELS, 3, "instance")(x, ids), by_formula(x, (2, 3)))
    with pytest.raises(ZooError, match="needs the class"):
        layer(x)


def test_the_contrast_of_a_picture() -> None:
    x = activation()
    lowered = x.clone()
    lowered[1] = 0.3 * lowered[1] + 0.5
    unchanged = [InstanceNorm2d(CHANNELS), LayerNorm(CHANNELS).double(), GroupNorm(CHANNELS, 2).double()]
    for layer in unchanged:
        close(layer(lowered), layer(x), 1e-3)  # eps
    style = activation(1)
    close(AdaIN()(lowered, style), AdaIN()(x, style), 1e-3)
    running = BatchNorm2d(CHANNELS, "running").double()
    running(x)
    running.eval()
    close(running(lowered)[1].std((1, 2)), 0.3 * running(x)[1].std((1, 2)))
    trained = BatchNorm2d(CHANNELS).double()
    assert not torch.allclose(trained(lowered)[0], trained(x)[0], atol=0.1)  # its neighbour's contrast changed it
    close(trained(0.3 * x + 0.5), trained(x), 1e-3)  # the whole set did


def test_all_are_called_alike() -> None:
    conditions = {"adain": activation(1), "spade": torch.ones(3, 2, 3, 3).double(), "conditional": torch.arange(3)}
    arguments = {"group": (2,), "spade": (2,), "conditional": (3,)}
    for name, kind in NORMALIZATIONS.items():
        made: Any = kind() if name == "adain" else kind(CHANNELS, *arguments.get(name, ()))
        y = made.double()(activation(), conditions.get(name))
        assert y.shape == (3, CHANNELS, *SIZE)
        if name not in conditions:
            close(y, made(activation(), activation(2)))  # one is left alone


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    return {row.title: row for row in examples()}


def test_measured_sets_are_the_documented_axes(rows: dict[str, Any]) -> None:
    x = small(batch())
    index = torch.stack(torch.meshgrid(*map(torch.arange, x.shape), indexing="ij"))
    group = index[1] // 2
    keys = {
        "N H W": index[1:2],
        "C H W": index[:1],
        "H W": index[:2],
        "C/G H W": torch.stack([index[0], group]),
        "": index,
    }
    seen = set()
    for row in rows.values():
        seen.add(type(row.layer))
        expected = keys[row.layer.axes].flatten(1).unique(dim=1, return_inverse=True)[1].view(x.shape)
        sets = statistics_sets(row.layer, x, row.condition)
        pairs = torch.stack([sets.flatten(), expected.flatten()]).unique(dim=1).shape[1]
        assert pairs == sets.max() + 1 == expected.max() + 1, row.title
    assert seen == set(NORMALIZATIONS.values())
    image = statistics_set(*in_double(BatchNorm2d(4).eval(), x, None), (0, 1, 2, 3))
    assert BatchNorm2d(4).eval().axes == "H W"
    assert torch.equal(image, (index[0] == 0) & (index[1] == 1))


def test_measured_shifts_are_those_of_the_layer(rows: dict[str, Any]) -> None:
    x = small(batch())

    def measured(title: str) -> Tensor:
        return shifts(rows[title].layer, x, rows[title].condition)

    assert not measured("Instance").any()
    for title in ("Batch", "Batch, eval", "Layer", "Group"):
        shift = measured(title)
        close(shift, shift[:1, :, :1, :1].expand_as(x), 1e-5)
        assert len(shift[0, :, 0, 0].unique()) == 4
    close(measured("AdaIN"), rows["AdaIN"].condition.mean((2, 3), keepdim=True).expand_as(x), 1e-5)
    row = rows["Conditional batch"]
    close(measured(row.title), row.layer.shift[row.condition][..., None, None].expand_as(x).detach(), 1e-5)
    row = rows["SPADE"]
    ids = F.interpolate(row.condition, x.shape[-2:]).argmax(1)
    palette = row.layer.modulation.weight[4:, :, 1, 1].detach()
    close(measured(row.title), palette[:, ids].movedim(0, 1), 1e-5)


def test_a_measurement_leaves_the_layer_as_it_is(rows: dict[str, Any]) -> None:
    layer, x = rows["Batch"].layer, small(batch())
    before = copy.deepcopy(layer.state_dict())
    statistics_sets(layer, x, None)
    shifts(layer, x, None)
    figure([rows["Batch"]], batch())
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name])


def test_instance_norm_makes_the_low_contrast_picture_the_street_again(rows: dict[str, Any]) -> None:
    x = batch()
    assert (x[0] - x[1]).abs().mean() > 0.2
    y = rows["Instance"].layer(x)
    assert (y[0] - y[1]).abs().mean() < 1e-3
    y = rows["Batch, eval"].layer(x)
    close(y[1].std((1, 2)), 0.3 * y[0].std((1, 2)), 1e-4)


@pytest.mark.slow
def test_the_command_draws_a_picture_and_prints_a_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "i2i_zoo", "normalization", "-o", str(tmp_path / "new")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    *table, path = result.stdout.splitlines()
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == (1730, 1764)
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 100
    assert Path(path) == tmp_path / "new" / "normalization.png"
    assert [line.split("  ")[0] for line in table[1:]] == [row.title for row in examples()]
    assert table[4].split()[:5] == ["Instance", "H", "W", "12", "48"]
