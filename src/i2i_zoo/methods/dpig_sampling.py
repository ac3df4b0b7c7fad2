"""How DPIG is used beside translating: persons from noise, with some factors of a given person, and between two persons
(Ma et al. 2018, sec. 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import resize_batch
from i2i_zoo.media.named_poses import named_pose
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.media.pose_files import Poses
from i2i_zoo.media.poses import resized
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.kinds import Choices, Picture, PictureFile, Whole
from i2i_zoo.tasks.pose import POSE_SHAPE, STANDING, PoseTranslator, in_pixels, read_target
from i2i_zoo.tasks.pose_kind import PoseSource
from i2i_zoo.tasks.sampler import Sampler

if TYPE_CHECKING:
    from .dpig import DPIG

#: What a picture of a person is made of.
FACTORS = ("foreground", "background", "pose")

SAMPLING = (
    Condition(
        "factors", Choices(FACTORS), "what differs between the pictures; by default everything that is not given"
    ),
    Condition("source", PictureFile(), "a person, whose other factors all pictures have"),
    Condition("source_pose", PoseSource(), "the pose in the source; by default it is found in the picture"),
    Condition(
        "pose",
        PoseSource(named=True),
        "the pose of all pictures, in pixels of the model; by default that of the source",
    ),
)

INTERPOLATION = (
    Condition("first", PictureFile(), "a person", required=True),
    Condition("second", PictureFile(), "another person", required=True),
    Condition("count", Whole(2), "how many pictures"),
    Condition("factors", Choices(FACTORS), "what changes from the first person to the second"),
    Condition("first_pose", PoseSource(), "the pose in the first picture; by default it is found in the picture"),
    Condition("second_pose", PoseSource(), "the pose in the second picture; by default it is found in the picture"),
)

NOBODY = Poses(torch.zeros(1, *POSE_SHAPE), ("",), (None,))


def read_person(task: DPIG, source: Any, source_pose: Any = None) -> tuple[Tensor, Tensor]:
    """A picture (1, 3, H, W) and the pose in it (1, 18, 3), scaled to the size of the model.

    Raises `ZooError` as ``translate`` does.
    """
    translator = PoseTranslator(task, NOBODY)
    read = translator.read(source, **({} if source_pose is None else {"source_pose": source_pose}))
    values = translator.at_working_size(read)[None].to(task.device)
    picture, pose = values[:, :3], values[:, 3 : 3 + NOBODY.points.numel(), 0, 0]
    size = task.hparams.size
    pose = resized(pose.float().view(1, *POSE_SHAPE), picture.shape[-2:], size)
    return resize_batch(picture, size).to(task.dtype), pose


def read_pose(pose: Any, size: Sequence[int], person: Tensor | None) -> Tensor:
    """One pose (1, 18, 3) in pixels of a picture of this size.

    A named one is as tall as the person (1, 18, 3), or else fills the picture.  Raises `ZooError` for several poses.
    """
    target = read_target(pose)
    if isinstance(target, str):
        if person is None:
            person = in_pixels(torch.tensor(STANDING), *size)[None]
        return named_pose(target, person[0].cpu())[None]
    if len(target.points) != 1:
        raise ZooError(f"The pose to sample with holds {len(target.points)} poses: give one.")
    return target.fitted(size)


class FactorSampler(Sampler):
    """Persons of whom some factors are given, some differ from picture to picture, and the others are those of the
    seed's first picture.

    Args:
        task: The model.
        varied: The factors that differ.
        given: Factors to their codes, for all pictures or for each: foreground and background (1 or B, length), and
            pose (1 or B, 18, 3).
    """

    task: DPIG

    def __init__(self, task: DPIG, varied: Sequence[str], given: Mapping[str, Tensor]) -> None:
        super().__init__(task)
        self.given = {factor: code for factor, code in given.items() if factor not in varied}
        lengths = [task.code_lengths[factor] for factor in FACTORS]
        differs = torch.tensor([factor in varied for factor in FACTORS])
        self.lengths, self.differs = lengths, differs.repeat_interleave(torch.tensor(lengths))

    def noise(self, random: torch.Generator) -> Tensor:
        """Noise of the length of all codes together."""
        deviation: float = self.task.hparams.deviation
        return torch.randn(sum(self.lengths), generator=random) * deviation

    def noises(self, indices: Sequence[int], seed: int) -> Tensor:
        return torch.where(self.differs, super().noises(indices, seed), super().noises([0], seed))

    def forward(self, noise: Tensor) -> Tensor:
        """(B, length) to pictures (B, 3, H, W) in [-1, 1]."""
        factors = dict(self.given)
        for factor, values in zip(FACTORS, noise.split_with_sizes(self.lengths, 1), strict=True):
            if factor in factors:
                factors[factor] = factors[factor].expand(len(noise), *factors[factor].shape[1:])
            else:
                factors[factor] = self.task.mapped(factor, values)
        pictures: Tensor = self.task.decode(**factors).clamp(-1, 1)
        return pictures


def chosen_factors(task: DPIG, factors: str | Sequence[str] | None) -> Sequence[str]:
    """Factors as a list, empty if none were chosen.  Raises `ZooError` for one that has no code of its own."""
    chosen = [factors] if isinstance(factors, str) else factors or []
    if missing := [factor for factor in chosen if factor not in task.factors]:
        raise ZooError(
            f"This DPIG has no code of the {missing[0]}, since it was trained with background_code=0: choose from "
            f"{', '.join(task.factors)}."
        )
    return chosen


@torch.inference_mode()
def factor_sampler(
    task: DPIG,
    factors: str | Sequence[str] | None = None,
    source: Picture | None = None,
    source_pose: Any = None,
    pose: Any = None,
) -> FactorSampler:
    """Persons of whom ``factors`` differ; the others are those of the source and of the pose, if these are given.

    Raises `ZooError` if a picture or a pose cannot be read, or if nothing of it would be used.
    """
    given: dict[str, Tensor] = {}
    if source is not None:
        picture, own_pose = read_person(task, source, source_pose)
        given = task.encode(picture, own_pose) | {"pose": own_pose}
    elif source_pose is not None:
        raise ZooError("source_pose was given without a source: give the picture too (--source), or use pose (--pose).")
    if pose is not None:
        given["pose"] = read_pose(pose, task.hparams.size, given.get("pose")).to(task.device)
    named = chosen_factors(task, factors)
    varied = named or [name for name in task.factors if name not in given]
    if not varied:
        raise ZooError("Nothing is left to differ from the source: name one or more factors, as --factors foreground.")
    if pose is not None and "pose" in varied:
        raise ZooError("The pose was given, and it is one of the factors that differ: leave out one of them.")
    if source is not None and set(varied) == set(task.factors):
        raise ZooError(
            "A source was given, and nothing of it is used, since all factors differ: leave out one of them."
        )
    return FactorSampler(task, varied, given)


@torch.inference_mode()
def interpolated(
    task: DPIG,
    first: Picture,
    second: Picture,
    count: int,
    factors: str | Sequence[str] | None = None,
    first_pose: Any = None,
    second_pose: Any = None,
) -> list[Image.Image]:
    """See `DPIG.interpolate`."""
    people = [read_person(task, first, first_pose), read_person(task, second, second_pose)]
    start, end = (task.encode(*person) | {"pose": task.pose_autoencoder.encode(person[1])} for person in people)
    share = torch.linspace(0, 1, count, device=task.device, dtype=task.dtype)[:, None]
    changes = chosen_factors(task, factors) or task.factors
    codes = {name: start[name].lerp(end[name], share if name in changes else 0 * share) for name in FACTORS}
    # A pose that does not change is not made by the pose auto-encoder.
    poses = task.pose_autoencoder.decode(codes["pose"]) if "pose" in changes else people[0][1].expand(count, -1, -1)
    return [to_pil(picture) for picture in task.decode(**codes | {"pose": poses}).clamp(-1, 1)]
