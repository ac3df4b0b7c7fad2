"""The networks of disentangled person image generation against the authors' numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from i2i_zoo.media.body_regions import region_boxes
from i2i_zoo.media.pose_drawing import discs, limb_mask
from i2i_zoo.networks.dpig import (
    AppearanceEncoder,
    CodeCritic,
    PersonDecoder,
    PoseAutoencoder,
    ResidualMLP,
    crops,
)
from i2i_zoo.networks.pg2 import BatchDiscriminator
from methods.dpig_authors import golden, our_state, pose_state
from methods.posegan import poses, unpacked


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_parameters_as_the_authors() -> None:
    with torch.device("meta"):
        assert parameters(AppearanceEncoder()) == 47_352_736
        assert parameters(PersonDecoder()) == 71_197_123
        assert parameters(BatchDiscriminator()) == 4_324_737
        pose = PoseAutoencoder()
        assert parameters(pose.encoder) == 2_145_824
        assert parameters(pose.decoder) == 2_145_846
        assert parameters(ResidualMLP(224, 512, 224)) == 2_331_360
        assert parameters(ResidualMLP(128, 256, 128)) == 592_256
        assert parameters(ResidualMLP(32, 512, 32)) == 2_134_560
        assert parameters(CodeCritic(224)) == 903_681
        assert parameters(CodeCritic(128)) == 854_529
        assert parameters(CodeCritic(32)) == 805_377


def test_the_networks_for_deepfashion_have_as_many_parameters_as_the_authors() -> None:
    with torch.device("meta"):
        encoder = AppearanceEncoder(region_side=64, background_code=0, size=(256, 256), region_blocks=7)
        assert parameters(encoder) == 58_140_832
        assert parameters(PersonDecoder(224, size=(256, 256))) == 82_088_387


def test_boxes_for_deepfashion_are_larger_where_a_leg_is_not_seen() -> None:
    """The constants of the authors' convert_DF.py."""
    pose = torch.zeros(2, 18, 3)
    pose[:, [0, 1, 8, 9, 12]] = torch.tensor(
        [[100.0, 50.0, 1.0], [100.0, 80.0, 1.0], [90.0, 130.0, 1.0], [90.0, 170.0, 1.0], [110.0, 245.0, 1.0]]
    )
    pose[1, 9] = 0  # no right shin: not the whole person
    boxes, seen = region_boxes(pose, (256, 256), "deepfashion")
    # The head from the nose, which is lifted, to the neck; the left leg is a single point, cut off below.
    assert boxes[:, 0].tolist() == [[30.0, 90.0, 90.0, 110.0], [5.0, 80.0, 100.0, 120.0]]
    assert boxes[:, 5].tolist() == [[225.0, 90.0, 255.0, 130.0], [205.0, 70.0, 255.0, 150.0]]
    assert seen[:, [0, 3, 5]].tolist() == [[1, 0, 1]] * 2


@torch.inference_mode()
def test_appearance_is_the_authors() -> None:
    stored = golden("appearance")
    with torch.device("meta"):
        encoder, decoder, discriminator = AppearanceEncoder(), PersonDecoder(), BatchDiscriminator()
    for letter, name, network in (
        ("E", "encoder", encoder),
        ("G", "decoder", decoder),
        ("D", "discriminator", discriminator),
    ):
        network.load_state_dict(our_state(stored, letter, name), assign=True)
    picture, pose = stored.input("x"), poses(stored["keypoints"])
    boxes, seen = region_boxes(pose, (128, 64))
    assert torch.equal(boxes, torch.from_numpy(stored["boxes"][:, :7]))
    assert torch.equal(seen, torch.from_numpy(stored["visibility"][:, :7]))
    mask = limb_mask(pose, (128, 64), 7)
    assert torch.equal(mask, unpacked(stored["mask_packed"], 2, 1, 128, 64))

    features = encoder.features(picture)
    regions = [*crops(features * mask, boxes, 48).unbind(1), features * (1 - mask)]
    ok, ratio, difference = stored.check_tensors("rois", regions)
    assert ok, (ratio, difference)
    code = torch.cat(encoder(picture, mask, boxes, seen), 1)
    vectors: list[torch.Tensor] = []
    decoder.squeeze.register_forward_hook(lambda _, args, output: vectors.append(output))
    output = decoder(code, 2 * discs(pose, (128, 64)) - 1)
    for name, found in (
        ("embedding", code),
        ("z", vectors[0]),
        ("out", output[..., ::2, ::2]),
        ("logits_real", discriminator(picture)[:, 0]),
        ("logits_fake", discriminator(output)[:, 0]),
    ):
        ok, ratio, difference = stored.check(name, found)
        assert ok, (name, ratio, difference)


@torch.inference_mode()
def test_poses_are_the_authors() -> None:
    stored = golden("pose")
    network = PoseAutoencoder()
    network.load_state_dict(pose_state(stored))
    pose = poses(stored["keypoints"])
    code = network.encode(pose)
    numbers = network.decode_numbers(code)
    loss = (numbers - network.numbers(pose)).square().mean()
    for name, found in (
        ("input", network.numbers(pose)),
        ("z", code),
        ("coordinates", numbers[..., :2].flatten(1)),
        ("visible", numbers[..., 2]),
        ("losses", torch.stack([loss, 20 * loss])),
    ):
        ok, ratio, difference = stored.check(name, found)
        assert ok, (name, ratio, difference)


def test_decoded_poses_are_drawn_as_the_authors_do(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = golden("pose")
    network = PoseAutoencoder()
    monkeypatch.setattr(network, "decode_numbers", lambda code: code)
    drawn = discs(network.decode(torch.from_numpy(stored["render_input"])), (128, 64))
    assert torch.equal(drawn, unpacked(stored["render_packed"], 2, 128, 64, 18).movedim(-1, 1))


def test_a_region_that_is_not_seen_has_no_code() -> None:
    torch.manual_seed(0)
    encoder = AppearanceEncoder(width=2, blocks=3, region_side=8, size=(32, 16))
    picture, mask = torch.rand(1, 3, 32, 16), torch.ones(1, 1, 32, 16)
    seen = torch.tensor([[1.0, 0.0]])
    foreground, _ = encoder(picture, mask, torch.tensor([[[0.0, 0, 9, 9], [0, 0, 1, 1]]]), seen)
    assert foreground[:, 32:].eq(0).all()
    assert foreground[:, :32].ne(0).all()


def test_the_code_is_at_every_pixel() -> None:
    torch.manual_seed(0)
    decoder = PersonDecoder(code=5, width=4, blocks=2, bottleneck=3, size=(8, 4))
    code, maps = torch.randn(2, 5), torch.randn(2, 18, 8, 4)
    beside = torch.cat([code[..., None, None].expand(-1, -1, 8, 4), maps], 1)
    torch.testing.assert_close(decoder.code_and_maps(code, maps), decoder.first(beside))
