"""The authors' checkpoints of SPADE, by their keys and their numbers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from golden.fill import Golden
from i2i_zoo import convert
from i2i_zoo.convert.spade import BLOCKS
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.registry import ENTRIES

State = dict[str, Tensor]
#: `spectral` or `plain`: name, channels out and in, kernel, bias, to the tensors of a convolution.
Convolution = Callable[..., State]


@pytest.fixture(scope="module")
def train() -> Golden:
    """Generator and discriminator of width 16, for 35 labels and edges."""
    return Golden("spade_train")


def spectral(name: str, outputs: int, inputs: int, kernel: int, bias: bool = False) -> State:
    """A convolution with a spectral norm, under the authors' names."""
    u, v = torch.randn(outputs), torch.randn(inputs * kernel**2)
    state = {f"{name}.weight_orig": torch.randn(outputs, inputs, kernel, kernel), f"{name}.weight_u": u / u.norm()}
    return {**state, f"{name}.weight_v": v / v.norm()} | ({f"{name}.bias": torch.randn(outputs)} if bias else {})


def plain(name: str, outputs: int, inputs: int, kernel: int = 3, bias: bool = True) -> State:
    weight = torch.randn(outputs, inputs, kernel, kernel) / kernel**2
    return {f"{name}.weight": weight} | ({f"{name}.bias": torch.randn(outputs)} if bias else {})


def authors_generator(
    channels: int,
    grid: tuple[int, int] | None = None,
    blocks: int = 7,
    norm: str = "batch",
    kernel: int = 3,
    convolution: Convolution = spectral,
) -> State:
    """The state dict of a generator of width 2 with 3 hidden channels; with a latent code of 5, on a grid.

    Without the prefix ``spectral`` in the authors' ``norm_G``, the ``convolution`` of the blocks is `plain`.
    """
    widths = [32, 32, 32, 32, 16, 8, 4, 2, 1]
    if grid:
        cells = 32 * grid[0] * grid[1]
        state = {"fc.weight": torch.randn(cells, 5), "fc.bias": torch.randn(cells)}
    else:
        state = plain("fc", 32, channels)
    for block, inputs, outputs in zip(BLOCKS[:blocks], widths, widths[1:], strict=False):
        middle = min(inputs, outputs)
        state |= convolution(f"{block}.conv_0", middle, inputs, 3, bias=True)
        state |= convolution(f"{block}.conv_1", outputs, middle, 3, bias=True)
        norms = {"norm_0": inputs, "norm_1": middle}
        if inputs != outputs:
            state |= convolution(f"{block}.conv_s", outputs, inputs, 1, bias=False)
            norms["norm_s"] = inputs
        for name, width in norms.items():
            if norm == "batch":
                running = {"running_mean": torch.randn(width), "running_var": torch.rand(width) + 0.5}
                running["num_batches_tracked"] = torch.tensor(3)
                state |= {f"{block}.{name}.param_free_norm.{leaf}": tensor for leaf, tensor in running.items()}
            state |= plain(f"{block}.{name}.mlp_shared.0", 3, channels, kernel)
            for half in ("mlp_gamma", "mlp_beta"):
                state |= plain(f"{block}.{name}.{half}", width, 3, kernel)
    return state | plain("conv_img", 3, widths[blocks])


def authors_encoder(latent: int = 5, convolution: Convolution = spectral) -> State:
    """The state dict of an image encoder of width 2."""
    widths, state = [3, 2, 4, 8, 16, 16, 16], dict[str, Tensor]()
    for i in range(6):
        state |= convolution(f"layer{i + 1}.0", widths[i + 1], widths[i], 3, bias=False)
    for name in ("fc_mu", "fc_var"):
        state |= {f"{name}.weight": torch.randn(latent, 256) / 16, f"{name}.bias": torch.randn(latent)}
    return state


def authors_discriminator(channels: int, convolution: Convolution = spectral) -> State:
    """The state dict of two discriminators of width 2 for a segmentation of so many channels."""
    state, widths = dict[str, Tensor](), [channels + 3, 2, 4, 8, 16, 1]
    for scale in range(2):
        for i, (inputs, outputs) in enumerate(pairwise(widths)):
            name = f"discriminator_{scale}.model{i}.0"
            middle = 1 <= i <= 3
            state |= (
                convolution(f"{name}.0", outputs, inputs, 4, bias=False) if middle else plain(name, outputs, inputs, 4)
            )
    return state


def parametrized(state: State) -> State:
    """The state as torch's parametrizations name it."""
    names = {"orig": "parametrizations.weight.original", "u": "parametrizations.weight.0._u"}
    names["v"] = "parametrizations.weight.0._v"
    return {
        f"{key.rpartition('weight_')[0]}{names[key.rpartition('_')[2]]}" if ".weight_" in key else key: tensor
        for key, tensor in state.items()
    }


def picture(model: SPADE, height: int = 128, width: int = 256) -> Tensor:
    """What the model makes of a fixed label map."""
    label = torch.arange(height * width).view(1, height, width) // 97 % model.hparams.labels
    with torch.inference_mode():
        return model(model.segmentation(label))


def test_the_authors_picture(saved: Any, train: Golden) -> None:
    golden = Golden("spade_more")
    files = saved(generator=golden.state("G"), discriminator=train.state("D"))
    model = convert("spade", files)
    assert not model.training
    hparams = model.hparams
    assert (hparams.labels, hparams.edges, hparams.upsampling) == (35, True, "more")
    assert (hparams.width, hparams.hidden, hparams.norm, hparams.latent) == (16, 128, "batch", 0)
    assert (hparams.discriminator_width, hparams.scales) == (16, 2)
    label, instance = (golden.input(name)[:, 0].long() for name in ("label", "instance"))
    with torch.inference_mode():
        ok, ratio, _ = golden.check("out", model(model.segmentation(label, instance)))
    assert ok, ratio
    alone = convert("spade", files["generator"])
    assert not hasattr(alone, "discriminator")
    assert torch.equal(picture(alone), picture(model))


@pytest.mark.parametrize(("data", "channels"), [("cityscapes", 36), ("ade20k", 151), ("coco", 184)])
def test_the_authors_checkpoints_tell_what_their_entries_say(saved: Any, data: str, channels: int) -> None:
    model = convert("spade", saved(generator=authors_generator(channels)))
    expected = ENTRIES[f"spade-{data}"].hparams
    assert {name: model.hparams[name] for name in expected} == expected
    assert (model.hparams.width, model.hparams.hidden) == (2, 3)
    assert picture(model, 64, 128).isfinite().all()


def test_every_tensor_has_its_place(saved: Any) -> None:
    state = authors_generator(6)
    model = convert("spade", saved(generator=state))
    assert (model.hparams.labels, model.hparams.edges, model.hparams.upsampling) == (6, False, "normal")
    ours = model.generator.state_dict()
    assert torch.equal(ours["first.weight"], state["fc.weight"])
    assert torch.equal(ours["last.bias"], state["conv_img.bias"])
    for i, block in enumerate(BLOCKS[:7]):
        assert torch.equal(ours[f"blocks.{i}.conv_0.weight"], state[f"{block}.conv_0.weight_orig"])
        assert torch.equal(ours[f"blocks.{i}.conv_1.u"], state[f"{block}.conv_1.weight_u"])
        assert torch.equal(ours[f"blocks.{i}.conv_1.v"], state[f"{block}.conv_1.weight_v"])
        gamma, beta = ours[f"blocks.{i}.norm_1.modulation.weight"].chunk(2)
        assert torch.equal(gamma, state[f"{block}.norm_1.mlp_gamma.weight"])
        assert torch.equal(beta, state[f"{block}.norm_1.mlp_beta.weight"])
    assert sum(t.numel() for t in ours.values()) == sum(t.numel() for t in state.values())


def test_what_the_tensors_do_not_tell_can_be_given(saved: Any) -> None:
    files = saved(generator=authors_generator(36))
    model = convert("spade", files, labels=36, edges=False, upsampling="normal")
    assert model.label_channels == 36
    assert model.generator.stride == 32


@pytest.mark.parametrize(
    ("given", "labels", "edges"),
    [
        ({"labels": 36}, 36, False),
        ({"labels": 35}, 35, True),
        ({"edges": False}, 36, False),
        ({"edges": True}, 35, True),
    ],
)
def test_labels_and_edges_follow_from_each_other(saved: Any, given: dict[str, Any], labels: int, edges: bool) -> None:
    model = convert("spade", saved(generator=authors_generator(36)), **given)
    assert (model.hparams.labels, model.hparams.edges) == (labels, edges)
    assert picture(model).isfinite().all()


@pytest.mark.parametrize(
    ("given", "upsampling", "size"),
    [
        ({"upsampling": "normal"}, "normal", [128, 256]),
        ({"upsampling": "more"}, "more", [256, 512]),
        ({"latent_size": [128, 256]}, "normal", [128, 256]),
        ({"latent_size": [512, 256]}, "more", [512, 256]),
        ({"latent_size": [64, 512], "upsampling": "normal"}, "normal", [64, 512]),
    ],
)
def test_upsampling_and_size_follow_from_each_other(
    saved: Any, given: dict[str, Any], upsampling: str, size: list[int]
) -> None:
    files = saved(generator=authors_generator(36, (4, 8)), encoder=authors_encoder())
    model = convert("spade", files, **given)
    assert (model.hparams.upsampling, list(model.hparams.latent_size)) == (upsampling, size)
    assert picture(model, *size).shape == (1, 3, *size)


def test_overrides_that_contradict_the_tensors(saved: Any) -> None:
    files = saved(generator=authors_generator(36, (4, 8)), encoder=authors_encoder())
    for given, message in (
        ({"labels": 30}, "labels=30 and edges=True do not add up to the 36 channels .* labels=36 with edges=False"),
        ({"labels": 36, "edges": True}, "labels=36 and edges=True do not add up"),
        ({"upsampling": "most"}, "upsampling='most' does not fit the generator's number of blocks: choose more or nor"),
        ({"latent_size": [64, 64]}, r"latent_size=\[64, 64\] does not fit .* 32 cells of 64 \(upsampling=more\) or 32"),
        ({"latent_size": [256, 512], "upsampling": "normal"}, r"32 cells of 32 \(upsampling=normal\) pixels"),
    ):
        with pytest.raises(ZooError, match=message) as caught:
            convert("spade", files, **given)
        assert "misshapen" not in str(caught.value)


@pytest.mark.parametrize("kernel", [1, 5, 7])
def test_every_kernel_of_the_spade_layers(saved: Any, kernel: int) -> None:
    state = authors_generator(6, kernel=kernel)
    model = convert("spade", saved(generator=state))
    assert model.hparams.kernel_size == kernel
    ours = model.generator.state_dict()
    assert torch.equal(ours["blocks.3.norm_s.shared.weight"], state["up_0.norm_s.mlp_shared.0.weight"])
    assert torch.equal(ours["blocks.3.norm_s.modulation.weight"].chunk(2)[1], state["up_0.norm_s.mlp_beta.weight"])
    assert picture(model).isfinite().all()


@pytest.mark.parametrize("without", ["generator", "discriminator", "encoder"])
def test_each_network_may_lack_spectral_norm(saved: Any, without: str) -> None:
    kinds = {name: plain if name == without else spectral for name in ("generator", "discriminator", "encoder")}
    states = {
        "generator": authors_generator(6, (2, 2), convolution=kinds["generator"]),
        "discriminator": authors_discriminator(6, kinds["discriminator"]),
        "encoder": authors_encoder(convolution=kinds["encoder"]),
    }
    model = convert("spade", saved(**states))
    found = {
        "generator": model.hparams.spectral,
        "discriminator": model.hparams.discriminator_spectral,
        "encoder": model.hparams.encoder_spectral,
    }
    assert found == {name: name != without for name in states}
    for name, state in states.items():
        assert sum(t.numel() for t in getattr(model, name).state_dict().values()) == sum(
            t.numel() for t in state.values()
        )
    photo, label = torch.rand(3, 64, 64), torch.zeros(1, 64, 64, dtype=torch.long)
    with torch.inference_mode():
        assert model.translate(label, style=photo).isfinite().all()
        assert model.discriminator(torch.rand(1, 9, 64, 64))[1][4].isfinite().all()


def test_networks_without_instance_norm(saved: Any) -> None:
    generator, encoder, discriminator = authors_generator(6, (2, 2)), authors_encoder(), authors_discriminator(6)
    batch_norm = {f"1.{name}": torch.ones(4) for name in ("weight", "bias", "running_mean", "running_var")}
    without_norm = {key.replace(".0.0.weight", ".0.weight"): tensor for key, tensor in discriminator.items()}
    for states, message in (
        (
            {"discriminator": discriminator | {f"discriminator_0.model1.0.{k}": t for k, t in batch_norm.items()}},
            r"The discriminator has scales\.0\.convolutions\.1\.1\.weight, .* norm_D instance or spectralinstance",
        ),
        (
            {"discriminator": without_norm | {"discriminator_1.model3.0.bias": torch.zeros(16)}},
            r"The discriminator has scales\.1\.convolutions\.3\.bias, so it was trained without instance norm",
        ),
        (
            {"encoder": encoder | {f"layer2.{k}": t for k, t in batch_norm.items()}},
            r"The encoder has convolutions\.1\.1\.weight, .* only networks with norm_E instance or",
        ),
        (
            {
                "encoder": {k.replace(".0.weight", ".weight"): t for k, t in encoder.items()}
                | {"layer1.bias": torch.ones(2)}
            },
            r"The encoder has convolutions\.0\.bias, so it was trained without instance norm",
        ),
    ):
        with pytest.raises(ZooError, match=message):
            convert("spade", saved(**{"generator": generator, "encoder": encoder} | states))


def test_kernels_of_an_even_size_are_refused(saved: Any) -> None:
    with pytest.raises(ZooError, match=r"kernel_size=4: .* odd"):
        convert("spade", saved(generator=authors_generator(6, kernel=4)))


def test_most(saved: Any) -> None:
    model = convert("spade", saved(generator=authors_generator(6, blocks=8)))
    assert model.hparams.upsampling == "most"
    assert model.generator.stride == 128
    assert picture(model).shape == (1, 3, 128, 256)


@pytest.mark.parametrize("variant", ["parametrizations", "data parallel", "nested", "uncounted"])
def test_other_forms_of_the_same_weights(saved: Any, variant: str) -> None:
    states = {"generator": authors_generator(36, (2, 4)), "encoder": authors_encoder()}
    expected = convert("spade", saved(**states))
    forms = {
        "parametrizations": parametrized,
        "data parallel": lambda state: {f"module.{key}": tensor for key, tensor in state.items()},
        "nested": lambda state: {"state_dict": state, "epoch": 3},
        "uncounted": lambda state: {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")},
    }
    model = convert("spade", saved(**{name: forms[variant](state) for name, state in states.items()}))
    assert model.hparams == expected.hparams
    assert torch.equal(picture(model), picture(expected))
    photo = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        assert torch.equal(model.encoder(photo)[0], expected.encoder(photo)[0])


def test_instance_norm(saved: Any) -> None:
    model = convert("spade", saved(generator=authors_generator(6, norm="instance")))
    assert model.hparams.norm == "instance"
    assert picture(model).isfinite().all()


@pytest.mark.parametrize(
    ("channels", "grid", "size"),
    [(36, (4, 8), [256, 512]), (6, (8, 8), [256, 256]), (36, (4, 4), [256, 256]), (6, (4, 8), [128, 256])],
)
def test_styles(saved: Any, channels: int, grid: tuple[int, int], size: list[int]) -> None:
    states = {"generator": authors_generator(channels, grid), "encoder": authors_encoder()}
    model = convert("spade", saved(**states))
    assert (model.hparams.latent, model.hparams.latent_size, model.hparams.encoder_width) == (5, size, 2)
    assert model.inference_networks == ("generator", "encoder")
    assert torch.equal(model.encoder.mean.weight, states["encoder"]["fc_mu.weight"])
    assert torch.equal(model.encoder.log_variance.bias, states["encoder"]["fc_var.bias"])
    assert torch.equal(model.encoder.convolutions[5].weight, states["encoder"]["layer6.0.weight_orig"])
    assert picture(model, *size).shape == (1, 3, *size)


def without(state: State, *keys: str) -> State:
    return {key: tensor for key, tensor in state.items() if key not in keys}


def test_generators_that_do_not_fit(saved: Any, train: Golden) -> None:
    state = authors_generator(6)
    for changed, message in (
        (
            train.state("D"),
            r"generator is not in the authors' layout: it has discriminator_0\.model0\.0\.weight, .* more",
        ),
        (authors_encoder(), r"generator is not in the authors' layout: it has layer1\.0\.weight, "),
        (
            {**state, "extra.weight": torch.zeros(1)},
            r"generator is not in the authors' layout: it has extra\.weight\.",
        ),
        ({**state, "up_0.extra": torch.zeros(1)}, r"unknown generator\.blocks\.3\.extra"),
        (without(state, "fc.weight"), "it has no weight for first"),
        (without(state, "conv_img.bias"), r"missing generator\.last\.bias"),
        (without(state, "head_0.conv_0.weight_orig"), r"it has no weight for blocks\.0\.conv_0"),
        (without(state, "up_1.conv_0.weight_u"), r"missing generator\.blocks\.4\.conv_0\.u"),
        (without(state, "up_0.norm_0.mlp_beta.bias"), r"up_0\.norm_0\.mlp_gamma\.bias has no partner"),
        (without(state, "up_0.norm_0.mlp_gamma.bias"), r"up_0\.norm_0\.mlp_beta\.bias has no partner"),
        ({**state, "up_0.norm_0.mlp_beta.bias": torch.zeros(3)}, r"up_0\.norm_0\.mlp_gamma\.bias has no partner"),
        ({**state, "fc.weight": torch.zeros(())}, "it has no weight for first"),
        ({**state, "up_0.conv_1.bias": torch.zeros(3)}, r"misshapen generator\.blocks\.3\.conv_1\.bias \(3 in place"),
    ):
        with pytest.raises(ZooError, match=message):
            convert("spade", saved(generator=changed))


def test_networks_that_are_not_of_one_model(saved: Any, train: Golden) -> None:
    generator, styled, encoder = authors_generator(6), authors_generator(6, (2, 2)), authors_encoder()
    for states, message in (
        ({"discriminator": train.state("D")}, "The generator's file is needed"),
        ({"generator": styled}, r"has a latent code: give the encoder's file too, encoder=latest_net_E\.pth\."),
        ({"generator": generator, "encoder": encoder}, "no latent code, so the encoder is not of its model"),
        (
            {"generator": styled, "encoder": generator},
            r"encoder is not in the authors' layout: it has fc\.weight, ",
        ),
        ({"generator": styled, "encoder": without(encoder, "layer1.0.weight_orig")}, "encoder is not in the authors'"),
        ({"generator": styled, "encoder": without(encoder, "fc_var.bias")}, r"missing encoder\.log_variance\.bias"),
        ({"generator": styled, "encoder": authors_encoder(4)}, r"misshapen encoder\.mean\.weight"),
        (
            {"generator": generator, "discriminator": generator},
            r"discriminator is not in the authors' layout: it has fc",
        ),
        ({"generator": generator, "discriminator": train.state("D")}, r"misshapen discriminator\.scales\.0\.conv"),
    ):
        with pytest.raises(ZooError, match=message):
            convert("spade", saved(**states))
