"""The authors' checkpoints, by their keys and their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader

from golden.fill import Golden
from i2i_zoo import convert
from i2i_zoo.callbacks.ema import EMA
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.networks.normalization import BatchNorm2d

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def train() -> Golden:
    """Generator and discriminator of width 16, with batch normalisation."""
    return Golden("pix2pix_train")


def test_unet_256_gives_the_authors_output(saved: Any) -> None:
    golden = Golden("pix2pix_unet256_testmode")
    model = convert("pix2pix", saved(generator=golden.state("G"))["generator"])
    assert (model.hparams.generator, model.hparams.width, model.hparams.norm) == ("unet_256", 64, "batch")
    assert not hasattr(model, "discriminator")
    assert not model.training
    with torch.inference_mode():
        ok, ratio, _ = golden.check("out_bn", model(golden.input("A"))[..., ::2, ::2])
    assert ok, ratio


def test_resnet_9_gives_the_authors_output(saved: Any) -> None:
    golden = Golden("cyclegan_resnet9")
    model = convert("pix2pix", saved(generator=golden.state("G")))
    hparams = model.hparams
    assert (hparams.generator, hparams.norm, hparams.dropout) == ("resnet_9", "instance", False)
    with torch.inference_mode():
        ok, ratio, _ = golden.check("out", model(golden.input("A"))[..., ::4, ::4])
    assert ok, ratio


def test_generator_and_discriminator_of_one_run(saved: Any, train: Golden) -> None:
    model = convert("pix2pix", saved(generator=train.state("G"), discriminator=train.state("D")), dropout=False)
    hparams = model.hparams
    assert (hparams.width, hparams.discriminator_width, hparams.receptive_field) == (16, 16, 70)
    assert hparams.conditional
    model.train()
    ok, ratio, _ = train.check("fake1", model(train.input("A"))[..., ::4, ::4])
    assert ok, ratio


@pytest.mark.parametrize(
    ("network", "field"),
    [("basic", 70), ("n1", 16), ("n5", 286), ("pixel", 1), ("basic_instance", 70), ("pixel_instance", 1)],
)
def test_discriminators_give_the_authors_logits(saved: Any, train: Golden, network: str, field: int) -> None:
    golden = Golden("pix2pix_patchgan")
    norm = "instance" if network.endswith("instance") else "batch"
    generator = train.state("G") if norm == "batch" else authors_resnet(6, norm, dropout=False)
    model = convert("pix2pix", saved(generator=generator, discriminator=golden.state(network)))
    assert model.hparams.receptive_field == field
    assert model.hparams.norm == norm
    for layer in model.discriminator.modules():
        if isinstance(layer, BatchNorm2d):
            layer.inference = "running"  # as the stored numbers were made
    with torch.inference_mode():
        logits = model.discriminator(torch.cat([golden.input("A"), golden.input("B")], 1))
    ok, ratio, _ = golden.check(f"out_{network}", logits[..., ::2, ::2] if field == 1 else logits)
    assert ok, ratio


def test_weights_that_are_no_numbers_are_refused(saved: Any, train: Golden) -> None:
    state = train.state("G")
    state["model.model.0.weight"][0, 0, 0, 0] = float("nan")
    with pytest.raises(
        ZooError, match=r"generator\.pth hold NaN or infinite numbers, in generator\.down\.0\.conv\.weight"
    ):
        convert("pix2pix", saved(generator=state))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda g, d: {"model": g, "epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
        lambda g, d: {"netD": d, "netG": g},
        lambda g, d: {"model_state_dict": {"generator": g, "discriminator": d}},
        lambda g, d: {"params": {k: t + 1 for k, t in g.items()}, "params_ema": g},
        lambda g, d: {"d": d, "state_dict": {f"module._orig_mod.{k}": t for k, t in g.items()}},
        lambda g, d: {f"_orig_mod.module.model.{k}": t for k, t in g.items()},
        lambda g, d: {k.replace(".", "._fsdp_wrapped_module._checkpoint_wrapped_module.", 1): t for k, t in g.items()},
        lambda g, d: {**{f"netG.{k}": t for k, t in g.items()}, **{f"netD.module.{k}": t for k, t in d.items()}},
        lambda g, d: {"state_dict": {**{f"G.{k}": t for k, t in g.items()}, "criterion.weight": torch.ones(1)}},
    ],
)
def test_weights_in_the_wrappings_of_other_programs(saved: Any, train: Golden, wrap: Any) -> None:
    state = train.state("G")
    model = convert("pix2pix", saved(generator=wrap(state, train.state("D")))["generator"])
    assert torch.equal(model.generator.down[0].conv.weight, state["model.model.0.weight"])


def test_wrappings_without_the_network_name_their_entries(saved: Any, train: Golden) -> None:
    state = train.state("D")
    for content in ({"netD": state, "ema": {"D": state}, "step": 1}, {"netD": {"module": state}, "ema": {"D": state}}):
        with pytest.raises(
            ZooError, match=r"entries of .*generator\.pth \(ema\.D, netD.*\) is the network .* needed: "
        ):
            convert("pix2pix", saved(generator=content)["generator"])
    with pytest.raises(
        ZooError,
        match=r"generator\.pth holds no state dict, only epoch \(a number\), args \(a mapping with lr\): a mapping",
    ):
        convert("pix2pix", saved(generator={"epoch": 1, "args": {"lr": 1.0}})["generator"])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"model.1.weight": torch.zeros(2), "epoch": 3}, r"since epoch \(a number\) stand beside its tensors"),
        ({"model": {"weight": torch.zeros(2), "lr": 0.1}}, r"only model \(a mapping with weight, lr\)"),
        ({1: torch.zeros(2)}, "only tensors without names"),
        ({}, "as it is empty"),
        ([{"weight": torch.zeros(2)}, 3], r"only a list of 2 items \(a mapping with weight, a number\)"),
        ((torch.zeros(2), "a"), r"only a tuple of 2 items \(a tensor, text\)"),
        ([], "only an empty list"),
        (None, "only nothing"),
        (torch.zeros(2), "only a tensor"),
    ],
)
def test_what_is_there_in_place_of_a_state_dict(saved: Any, content: Any, found: str) -> None:
    with pytest.raises(ZooError, match=rf"generator\.pth holds no state dict, {found}: a mapping of names to tensors"):
        convert("pix2pix", saved(generator=content)["generator"])


class AuthorsUNet(nn.Module):
    """A U-Net's layers nested as the authors nest them: a block holds its way down, the next block, its way up."""

    def __init__(self, level: int, downs: int, norm: str) -> None:
        super().__init__()
        channels = [2 * min(2**n, 8) for n in range(downs)]
        bias, innermost = norm == "instance", level == downs - 1
        make = {"batch": nn.BatchNorm2d, "none": lambda c: nn.Identity()}.get(norm)
        make = make or (lambda c: nn.InstanceNorm2d(c, track_running_stats=True))  # as in 2018
        out = channels[level - 1] if level else 5
        down = nn.Conv2d(channels[level - 1] if level else 4, channels[level], 4, bias=bias)
        up = nn.ConvTranspose2d(channels[level] * (1 if innermost else 2), out, 4, bias=bias or not level)
        if level == 0:
            parts = [down, AuthorsUNet(1, downs, norm), nn.ReLU(), up, nn.Tanh()]
        elif innermost:
            parts = [nn.ReLU(), down, nn.ReLU(), up, make(out)]
        else:
            inner = AuthorsUNet(level + 1, downs, norm)
            parts = [nn.ReLU(), down, make(channels[level]), inner, nn.ReLU(), up, make(out), nn.Dropout()]
        self.model = nn.Sequential(*parts)


def authors_unet(downs: int, norm: str) -> State:
    return {f"model.{key}": tensor for key, tensor in AuthorsUNet(0, downs, norm).state_dict().items()}


def authors_resnet(blocks: int, norm: str, dropout: bool, channels: int = 3) -> State:
    """The state dict of a residual generator of width 2 under the authors' names."""
    bias = norm == "instance"
    make: Any = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, "none": lambda c: nn.Identity()}[norm]

    def block() -> nn.Module:
        half = [nn.ReflectionPad2d(1), nn.Conv2d(8, 8, 3, bias=bias), make(8)]
        module = nn.Module()
        module.conv_block = nn.Sequential(*half, nn.ReLU(), *([nn.Dropout()] if dropout else []), *map(fresh, half))
        return module

    def fresh(layer: nn.Module) -> nn.Module:
        return (
            type(layer)(8)
            if isinstance(layer, nn.BatchNorm2d)
            else layer
            if not list(layer.parameters())
            else (nn.Conv2d(8, 8, 3, bias=bias))
        )

    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, 2, 7, bias=bias), make(2), nn.ReLU()]
    for width in (2, 4):
        layers += [nn.Conv2d(width, 2 * width, 3, bias=bias), make(2 * width), nn.ReLU()]
    layers += [block() for _ in range(blocks)]
    for width in (8, 4):
        layers += [nn.ConvTranspose2d(width, width // 2, 3, bias=bias), make(width // 2), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(2, channels, 7), nn.Tanh()]
    module = nn.Module()
    module.model = nn.Sequential(*layers)
    return module.state_dict()


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("downs", [6, 7, 8])
def test_every_unet(saved: Any, downs: int, norm: str) -> None:
    state = authors_unet(downs, norm)
    model = convert("pix2pix", saved(generator=state))
    hparams = model.hparams
    assert (hparams.generator, hparams.norm, hparams.width) == (f"unet_{2**downs}", norm, 2)
    assert (hparams.in_channels, hparams.out_channels) == (4, 5)
    names = {f"model.model.1{'.model.3' * n}.model.1.weight": f"down.{n + 1}.conv.weight" for n in range(downs - 1)}
    ours = model.generator.state_dict()
    assert all(torch.equal(state[theirs], ours[name]) for theirs, name in names.items())
    assert torch.equal(state["model.model.3.weight"], ours["up.0.conv.weight"])
    # Nothing but what the authors' instance norms tracked, in vain, is left behind.
    dropped = [key for key in state if norm == "instance" and key.rpartition(".")[2].startswith(("running", "num"))]
    assert len(ours) == len(state) - len(dropped)


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("blocks", [6, 9])
def test_every_resnet(saved: Any, blocks: int, dropout: bool, norm: str) -> None:
    state = authors_resnet(blocks, norm, dropout, channels=1)
    model = convert("pix2pix", saved(generator=state))
    hparams = model.hparams
    assert (hparams.generator, hparams.norm, hparams.dropout) == (f"resnet_{blocks}", norm, dropout)
    assert (hparams.in_channels, hparams.out_channels, hparams.width) == (1, 1, 2)
    ours = list(model.generator.state_dict().values())
    assert len(ours) == len(state)
    assert all(torch.equal(a, b) for a, b in zip(state.values(), ours, strict=True))


def test_older_files(saved: Any, train: Golden) -> None:
    """Without running statistics and counters, and from DataParallel."""
    state = {key: t for key, t in train.state("G").items() if "running" not in key and "tracked" not in key}
    model = convert("pix2pix", saved(generator={f"module.{key}": t for key, t in state.items()}))
    whole = convert("pix2pix", saved(generator=train.state("G")))
    assert model.hparams.inference_norm == "image"
    source = train.input("A")[..., :256, :256]
    with torch.inference_mode():
        assert torch.equal(model(source), whole(source))
    assert torch.equal(model.generator.down[1].norm.running_var, torch.ones(32))


def test_unconditional_discriminator(saved: Any, train: Golden) -> None:
    discriminator = train.state("D")
    discriminator["model.0.weight"] = discriminator["model.0.weight"][:, :3]
    model = convert("pix2pix", saved(generator=train.state("G"), discriminator=discriminator))
    assert not model.hparams.conditional


def test_hyperparameters_can_be_given(saved: Any, train: Golden) -> None:
    files = saved(generator=train.state("G"))
    model = convert("pix2pix", files, inference_norm="running", lambda_l1=10.0)
    assert (model.hparams.inference_norm, model.hparams.lambda_l1) == ("running", 10.0)
    with pytest.raises(ZooError, match="Pix2Pix has no hyper-parameter 'ngf': choose from in_channels, "):
        convert("pix2pix", files, ngf=64)
    with pytest.raises(ZooError, match=r"misshapen generator\.down\.0\.conv\.weight \(16x3x4x4 in place of 8x3x4x4\)"):
        convert("pix2pix", files, width=8)


def test_files_that_do_not_fit(saved: Any, train: Golden, tmp_path: Path) -> None:
    generator, discriminator = train.state("G"), train.state("D")
    with pytest.raises(ZooError, match="The generator's file is needed"):
        convert("pix2pix", saved(discriminator=discriminator))
    with pytest.raises(ZooError, match="has no network 'encoder': choose from generator, discriminator"):
        convert("pix2pix", saved(generator=generator, encoder=discriminator))
    with pytest.raises(
        ZooError, match=r"generator is not in the authors' layout: it has no convolution model\.1\.weight"
    ):
        convert("pix2pix", saved(generator=discriminator))
    with pytest.raises(ZooError, match="discriminator is not in the authors' layout"):
        convert("pix2pix", saved(generator=generator, discriminator=generator))
    files = saved(generator=generator, discriminator=Golden("pix2pix_patchgan").state("basic_instance"))
    with pytest.raises(ZooError, match=r"norm batch\) and the discriminator \(6 channels, norm instance\)"):
        convert("pix2pix", files)
    del generator["model.model.1.model.2.weight"]
    with pytest.raises(ZooError, match=r"missing generator\.down\.1\.norm\.weight"):
        convert("pix2pix", saved(generator=generator))
    with pytest.raises(ZooError, match=r"nowhere\.pth: the file cannot be read \(No such file"):
        convert("pix2pix", tmp_path / "nowhere.pth")


class TestLightning:
    """Checkpoints of the trainer."""

    def trained(self, path: Path, *callbacks: L.Callback) -> Pix2Pix:
        """A model trained for two steps, whose checkpoint is at ``path``."""
        model = Pix2Pix(generator="unet_64", width=2, discriminator_width=2, receptive_field=16, pool_size=2)
        model.preprocess = model.preprocess_type.from_json({"size": [64, 64]}, "test")
        options: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        keep = ModelCheckpoint(path.parent, path.stem, save_top_k=-1, every_n_train_steps=2)
        trainer = L.Trainer(accelerator="cpu", max_steps=2, callbacks=[keep, *callbacks], **options)
        pair = {"source": torch.rand(3, 64, 64), "target": torch.rand(3, 64, 64)}
        trainer.fit(model, DataLoader([pair, pair]))  # type: ignore[arg-type]
        return model

    def test_with_its_discriminator(self, tmp_path: Path) -> None:
        model = self.trained(tmp_path / "last.ckpt")
        converted = convert("pix2pix", tmp_path / "last.ckpt", lr=1e-5)
        assert not converted.training
        assert converted.preprocess.to_json() == {"size": [64, 64]}
        assert dict(converted.hparams) == {**model.hparams, "lr": 1e-5}
        state = model.state_dict()
        assert {name.partition(".")[0] for name in state} == {"generator", "discriminator"}
        assert all(torch.equal(tensor, state[name]) for name, tensor in converted.state_dict().items())

    def test_with_an_average(self, tmp_path: Path) -> None:
        model = self.trained(tmp_path / "last.ckpt", EMA(decay=0.5))  # ends with the average in its generator
        content = torch.load(tmp_path / "last.ckpt", weights_only=True)
        converted = convert("pix2pix", tmp_path / "last.ckpt")
        assert all(torch.equal(tensor, converted.state_dict()[name]) for name, tensor in model.state_dict().items())
        name = "generator.down.0.conv.weight"
        assert not torch.equal(content["state_dict"][name], converted.state_dict()[name])
