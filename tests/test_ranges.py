"""Constructors refuse values out of range, in Python and on the command line."""

from __future__ import annotations

import inspect
import json
import math
import re
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback

from i2i_zoo import load, registry
from i2i_zoo.annotations import allows, describe
from i2i_zoo.callbacks.ema import EMA
from i2i_zoo.callbacks.gradients import ClipGradients
from i2i_zoo.callbacks.nan import StopOnNaN
from i2i_zoo.callbacks.samples import Samples
from i2i_zoo.cli.diagnosis import of_package
from i2i_zoo.cli.main import main
from i2i_zoo.cli.trainer_options import CALLBACK_RANGES
from i2i_zoo.data import datamodules
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.rendered.street_data import SyntheticPairs
from i2i_zoo.data.style import StyleData
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cut import CUT
from i2i_zoo.methods.gcgan import GcGAN
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.methods.pix2pixhd import Pix2PixHD
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.networks.discriminators import RECEPTIVE_FIELDS, ReceptiveField
from i2i_zoo.pretrained.backbones import TAPS, Backbone

WRONG: list[tuple[type, dict[str, Any], str]] = [
    (Pix2Pix, {"width": 0}, "give a whole number of at least 1 and at most 16384"),
    (Pix2Pix, {"width": True}, "give a whole number of at least 1 and at most 16384"),
    (Pix2Pix, {"generator": "resnet_12"}, "choose from unet_256, unet_128, unet_64, encoder_decoder, resnet_9"),
    (Pix2Pix, {"receptive_field": 64}, "choose from 1, 16, 34, 70, 142, 286"),
    (Pix2Pix, {"betas": [0.5]}, "give a list of 2, each a number of at least 0 and below 1"),
    (Pix2Pix, {"betas": [0.5, 1]}, "give a list of 2, each a number of at least 0 and below 1"),
    (Pix2Pix, {"lr": -1}, "give a number of at least 0"),
    (Pix2Pix, {"lr": math.nan}, "give a number of at least 0"),
    (Pix2Pix, {"lambda_l1": math.inf}, "give a number of at least 0"),
    (Pix2Pix, {"pool_size": -1}, "give a whole number of at least 0"),
    (Pix2Pix, {"epochs": 1.5}, "give a whole number of at least 0"),
    (Pix2Pix, {"dropout": 1}, "give true or false"),
    (GcGAN, {"geometry": "rot"}, "choose from rotation, flip"),
    (CUT, {"receptive_field": 1}, "choose from 16, 34, 70, 142, 286"),
    (SPADE, {"kernel_size": 4}, "an odd number"),
    (SPADE, {"latent_size": [256]}, "give a list of 2, each a whole number of at least 1"),
    (Pix2PixHD, {"blocks": 100_000_000}, "give a whole number of at least 0 and at most 256"),
    (Pix2PixHD, {"downs": 0}, "give a whole number of at least 1 and at most 10"),
    (PairedData, {"root": "data", "batch_size": 0}, "give a whole number of at least 1"),
    (PairedData, {"root": "data", "num_workers": -1}, "give a whole number of at least 0"),
    (PairedData, {"root": "data", "load_size": 0}, "or a list of 2, each a whole number of at least 1 or null"),
    (PairedData, {"root": "data", "crop_size": [72]}, "or a list of 2, each a whole number of at least 1 or null"),
    (PairedData, {"root": "data", "seed": 2**32}, "give a whole number of at least 0 and below 4294967296"),
    (PairedData, {"root": "data", "made_from": "line"}, "give one of lab, edges, hed, hole or null"),
    (SyntheticPairs, {"size": -1}, "give a whole number of at least 1"),
    (StyleData, {"content": "data", "test_size": -1}, "give a whole number of at least 1"),
    (EMA, {"decay": 7}, "give a number of at least 0 and below 1"),
    (ClipGradients, {"max_norm": -1}, "give a number above 0"),
    (StopOnNaN, {"every_n_batches": 0}, "give a whole number of at least 1"),
    (Samples, {"count": "four"}, "give a whole number of at least 0"),
]


@pytest.mark.parametrize(("cls", "arguments", "remedy"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_a_value_out_of_range_is_refused(cls: type, arguments: dict[str, Any], remedy: str) -> None:
    name, value = list(arguments.items())[-1]
    with pytest.raises(ZooError, match=re.escape(f"{cls.__name__} cannot have {name}={value!r}: ")) as caught:
        cls(**arguments)
    assert remedy in str(caught.value)


def test_a_wrong_name_is_refused_with_the_closest() -> None:
    with pytest.raises(ZooError, match=r"Pix2Pix has no argument .widht.: did you mean width\?"):
        Pix2Pix(widht=8)
    with pytest.raises(ZooError, match="PairedData: missing a required argument: 'root'"):
        PairedData()


#: The callbacks of this package and of Lightning.
OWN, LIGHTNINGS = (
    [cls for cls in of_package(Callback).values() if cls.__module__.startswith(package) and "__init__" in vars(cls)]
    for package in ("i2i_zoo.", "lightning.")
)


@pytest.mark.parametrize("cls", [*map(registry.method_class, registry.METHODS), *datamodules().values(), *OWN])
def test_every_number_has_a_range_that_its_default_keeps(cls: type) -> None:
    parameters = inspect.signature(cls).parameters
    hints = inspect.get_annotations(cls.__init__, eval_str=True)
    for name, parameter in parameters.items():
        assert hints[name] not in (int, float), f"{name} has no range"
        assert parameter.default is parameter.empty or allows(hints[name], parameter.default), name
        assert "<" not in describe(hints[name])


#: Arguments of Lightning's callbacks whose annotation has a number, but which are none.
NO_NUMBERS = {"apply_pruning", "batch_size_fn", "device", "duration", "length_fn", "scheduling", "train_time_interval"}
NO_NUMBERS |= {"use_lottery_ticket_hypothesis"}


@pytest.mark.parametrize("cls", LIGHTNINGS)
def test_every_number_of_lightnings_callbacks_has_a_range_that_its_default_keeps(cls: type) -> None:
    for name, parameter in inspect.signature(cls).parameters.items():
        # Some are annotated as text.
        if re.search(r"\b(int|float)\b", str(parameter.annotation)) and name not in NO_NUMBERS:
            assert name in CALLBACK_RANGES
            assert parameter.default is parameter.empty or allows(CALLBACK_RANGES[name], parameter.default), name


@pytest.mark.parametrize(
    ("callback", "sentence"),
    [
        ("EarlyStopping --monitor=val/l1 --patience=-3", "EarlyStopping cannot have patience=-3: give a whole number"),
        ("ModelCheckpoint --save_top_k=-5", "ModelCheckpoint cannot have save_top_k=-5: give a whole number of at"),
        ("ModelCheckpoint --every_n_epochs=-1", "ModelCheckpoint cannot have every_n_epochs=-1: give a whole number"),
        ("TQDMProgressBar --refresh_rate=-1", "TQDMProgressBar cannot have refresh_rate=-1: give a whole number"),
    ],
)
def test_lightnings_callbacks_are_refused_too(callback: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *options = callback.replace("--", "--trainer.callbacks.").split()
    assert main(["fit", "--model=Pix2Pix", "--data=SyntheticPairs", f"--trainer.callbacks+={name}", *options]) == 1
    assert sentence in capsys.readouterr().err


def test_choices_are_those_of_the_networks() -> None:
    assert list(ReceptiveField.__args__) == list(RECEPTIVE_FIELDS)
    assert list(Backbone.__args__) == list(TAPS)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--model.width=0", "Pix2Pix cannot have width=0: give a whole number of at least 1 and at most 16384."),
        ("--data.size=-1", "SyntheticPairs cannot have size=-1: give a whole number of at least 1"),
        ("--model.betas=[0.5]", "Pix2Pix cannot have betas=[0.5]: give a list of 2, each a number of at least 0"),
    ],
)
def test_the_command_line_says_the_same(argument: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--model=Pix2Pix", "--data=SyntheticPairs", argument]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert "subtypes" not in error


def test_a_configuration_cannot_ask_for_a_network_without_end(tmp_path: Any) -> None:
    config = {"method": "pix2pixhd", "hparams": {"blocks": 100_000_000}, "preprocess": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    with pytest.raises(ZooError, match="Pix2PixHD cannot have blocks=100000000"):
        load(tmp_path)
