"""The networks of deformable GANs against the authors' numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from golden.fill import Golden
from i2i_zoo.media.body_parts import NOWHERE, part_masks, part_transforms, whole_transform
from i2i_zoo.media.pose_drawing import gaussian_maps
from i2i_zoo.networks.deformable import DeformableGenerator, PairDiscriminator, moved_parts, rounded
from methods.posegan import golden, our_state, poses, unpacked


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_parameters_as_the_authors() -> None:
    with torch.device("meta"):
        assert parameters(DeformableGenerator(warped=False)) == 36_072_533
        assert parameters(DeformableGenerator()) == 61_109_085
        assert parameters(DeformableGenerator(warped=False, downs=6)) == 48_655_449
        assert parameters(DeformableGenerator(downs=6)) == 82_080_611
        assert parameters(PairDiscriminator()) == 2_803_782


class Levels:
    """The outputs of encoder and decoder levels, under the authors' names."""

    def __init__(self, generator: DeformableGenerator) -> None:
        self.found: dict[str, Tensor] = {}
        encoders = {"app": generator.appearance, "pose": generator.pose} if generator.pose else {}
        for name, encoder in (encoders or {"enc": generator.appearance}).items():
            encoder.register_forward_hook(lambda _, args, maps, name=name: self.encoded(name, maps))
        for block, norm in enumerate(generator.norm):
            norm.register_forward_hook(
                lambda _, args, maps, block=block: self.found.update({f"dec.{block:02}": maps.clone()})
            )

    def encoded(self, name: str, maps: list[Tensor]) -> None:
        self.found |= {f"{name}.{level:02}": each.clone() for level, each in enumerate(maps)}

    def check(self, stored: Golden, sample: int) -> None:
        name = f"levels{sample}"
        rows = [self.found[row][sample] for row in stored.info["stored"][name]["rows"]]
        ok, ratio, difference = stored.check_tensors(name, rows)
        assert ok, (name, ratio, difference)


def authors_generator(stored: Golden, **options: bool) -> DeformableGenerator:
    with torch.device("meta"):
        generator = DeformableGenerator(**options).eval()
    generator.load_state_dict(our_state(stored, "G"), assign=True)
    return generator


@torch.inference_mode()
def test_the_baseline_is_the_authors() -> None:
    stored = golden("generator_none")
    generator = authors_generator(stored, warped=False)
    levels = Levels(generator)
    maps = [gaussian_maps(poses(stored[f"{which}_keypoints"]), (128, 64)) for which in ("source", "target")]
    output = generator(stored.input("source"), *maps)
    for sample in range(2):
        levels.check(stored, sample)
        assert stored.check(f"out{sample}", output[sample : sample + 1, :, ::2, ::2])[0]


@torch.inference_mode()
def test_deformable_skips_are_the_authors() -> None:
    stored = golden("generator_mask")
    generator = authors_generator(stored)
    levels = Levels(generator)
    source, target = (poses(stored[f"{which}_keypoints"]) for which in ("source", "target"))
    transforms, masks = part_transforms(source, target), part_masks(target, 128, 64)
    assert torch.equal(masks, unpacked(stored["masks_packed"], 2, 10, 128, 64))
    maps = [gaussian_maps(pose, (128, 64)) for pose in (source, target)]
    output = generator(stored.input("source"), *maps, transforms, masks)
    for sample in range(2):
        levels.check(stored, sample)
        moved = [
            moved_parts(levels.found[f"app.{level:02}"], transforms, masks, 2**level)[sample] for level in range(4)
        ]
        ok, ratio, difference = stored.check_tensors(f"warped{sample}", moved)
        assert ok, (ratio, difference)
        assert stored.check(f"out{sample}", output[sample : sample + 1, :, ::2, ::2])[0]


@torch.inference_mode()
def test_the_discriminator_is_the_authors() -> None:
    stored = golden("train_none")
    with torch.device("meta"):
        discriminator = PairDiscriminator()
    discriminator.load_state_dict(our_state(stored, "D"), assign=True)
    source, target = (gaussian_maps(poses(stored[f"{which}_keypoints"]), (128, 64)) for which in ("source", "target"))
    # The authors feed D's real batch with the poses exchanged in this case.
    pair = torch.cat([stored.input("d_source"), target, stored.input("d_target"), source], 1)
    assert stored.check("d_real_out", discriminator(pair).sigmoid().flatten(1))[0]
    assert discriminator(torch.rand(1, 42, 34, 34)).shape == (1, 1, 1, 1)


def test_one_transform_moves_the_whole_picture() -> None:
    pose = torch.zeros(1, 18, 3)
    pose[0, [2, 5, 8, 11]] = torch.tensor([[10.0, 10, 1], [20, 10, 1], [11, 30, 1], [19, 30, 1]])
    shifted = pose + torch.tensor([3.0, -2, 0]) * pose[..., 2:]
    maps = torch.randn(1, 4, 40, 32)
    moved = moved_parts(maps, whole_transform(pose, shifted))
    torch.testing.assert_close(moved[..., :38, 3:], maps[..., 2:, :29])
    assert moved[..., 38:, :].eq(0).all()
    assert moved[..., :3].eq(0).all()


def test_moving_parts_is_differentiable() -> None:
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 6, 4, generator=random, dtype=torch.double, requires_grad=True)
    transforms = torch.randn(2, 5, 2, 3, generator=random)
    transforms[:, 0] = torch.tensor(NOWHERE).view(2, 3)
    masks = (torch.rand(2, 5, 12, 8, generator=random) > 0.3).float()
    assert torch.autograd.gradcheck(lambda maps: moved_parts(maps, transforms, masks, 2), maps)


@pytest.mark.parametrize(("position", "nearest"), [(0.5, 1.0), (-0.5, -1.0), (1.49, 1.0), (-0.2, 0.0), (2.5, 3.0)])
def test_halves_are_rounded_away_from_zero(position: float, nearest: float) -> None:
    assert rounded(torch.tensor(position)) == nearest
