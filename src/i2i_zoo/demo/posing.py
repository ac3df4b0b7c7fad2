"""People in another pose: a figure whose joints are dragged, or the pose of a picture or of a video."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.data.rendered.people_data import PeopleData
from i2i_zoo.errors import ZooError
from i2i_zoo.examples import example
from i2i_zoo.media.clips import is_clip
from i2i_zoo.media.named_poses import NAMED_POSES, named_pose
from i2i_zoo.media.pictures import read_picture, to_pil
from i2i_zoo.media.pose_files import POSE_SUFFIXES, Poses, array_poses
from i2i_zoo.media.poses import resized
from i2i_zoo.pretrained.pose_sources import poses_of

from .figure import as_text, pose_in, show_figure
from .inputs import file_button, import_gradio, picture_input
from .limits import FRAME_PIXELS, FRAMES, check_picture, first_frames, header, look_at_clock, scale_down
from .offers import Offer
from .surface import Made, Surface

#: Height and width of rendered people.
PERSON = (256, 128)

#: A pose in the middle of the picture, for someone whose own is unknown; from the list of named ones.
UNKNOWN = "standing"


class PoseSurface(Surface):
    """A picture of a person, the pose that the person has there, and the one to take."""

    def show(self, number: Any, handle: Callable[..., Any]) -> None:
        gradio = import_gradio()
        person, own, target = first_person()
        size, behind = header(Path(person))[::-1], Image.open(person)
        self.start = [person, as_text(target, size, behind), as_text(own, size, behind)]
        with gradio.Row(elem_classes="buttons"):
            self.random = gradio.Button("Random person", size="sm", min_width=90)
            self.upload = file_button("Pose of a picture or video")
        with gradio.Row(elem_classes="beside"):
            with gradio.Column(min_width=130):
                self.picture = picture_input("Person", None, value=person, elem_classes="source", buttons=[])
            with gradio.Column(min_width=130):
                figure = show_figure(self.start[1], "Figure of the pose to take: drag its joints")
        self.parts = [self.picture, figure]

    def show_more(self, handle: Callable[..., Any]) -> None:
        gradio = import_gradio()
        names = gradio.Radio(list(NAMED_POSES), label="Poses", interactive=True, elem_classes="names")
        with gradio.Accordion("Where the person is in the picture", open=False) as fold:
            gradio.Markdown(
                "Drag the joints onto the person. If MediaPipe is installed, they are placed there for you."
            )
            self.parts.append(show_figure(self.start[2], "Figure of the person's own pose: drag its joints"))
        figure = self.parts[1]
        handle(self.random.click, self.random_person, None, self.parts)
        handle(names.input, named, [names, *self.parts], figure)
        handle(self.upload.upload, copied, [self.upload, *self.parts], figure)

        def located(path: str | None) -> tuple[Any, ...]:
            if path is None:
                raise ZooError("No picture arrived: choose it again.")
            path = scale_down(path, self.shelf.place())
            pose, found = own_pose(path)
            size, picture = header(Path(path))[::-1], to_pil(read_picture(path))
            wanted = named_pose("waving", pose)
            opened = gradio.skip() if found else gradio.Accordion(open=True)
            return path, as_text(wanted, size, picture), as_text(pose, size, picture), opened

        handle(self.picture.upload, located, self.picture, [*self.parts, fold])

    def random_person(self) -> tuple[str, ...]:
        """A rendered person, and the poses of the person and of another rendering."""
        pair = PeopleData(size=list(PERSON)).dataset("test")[0, secrets.randbelow(10**5)]
        picture = to_pil(pair["source"])
        poses = (as_text(pair[key], PERSON, picture) for key in ("target_pose", "source_pose"))
        return self.shelf.put(picture, "person"), *poses

    def make(self, offer: Offer, values: Sequence[Any], conditions: Mapping[str, Any]) -> Made:
        path, figure, where = values
        if path is None:
            raise ZooError("There is no person yet: upload, photograph or paste a picture of one.")
        poses = frames_of(figure)
        if len(poses) > 1:
            path = scale_down(path, self.shelf.place(), most=FRAME_PIXELS)
        check_picture(path)
        size = header(Path(path))[::-1]
        own = fitted(*pose_in(where), size)
        pose = torch.stack([fitted(frame, pose_in(figure)[1], size) for frame in poses])
        made = offer.choices.model.translate(path, pose=pose, source_pose=own, **conditions)
        return Made([made], path)


@cache
def first_person() -> tuple[str, Tensor, Tensor]:
    """The file of the person that ships with the package, the person's pose, and the one to take."""
    name = "deformable-people"
    files = [example(name, condition) for condition in ("", "source_pose", "pose")]
    own, target = (poses_of(file).points[0] for file in files[1:])
    return str(files[0]), own, target


def named(name: str, path: str | None, figure: str, where: str) -> str:
    """The figure in a named pose, as tall as the person and in the same place."""
    own, size = pose_in(where)
    return with_points(where, named_pose(name, own)[None], size)


def copied(file: str | None, path: str | None, figure: str, where: str) -> str:
    """The figure in the pose, or in the poses one after the other, of a picture, a video or a file of poses."""
    if file is None:
        raise ZooError("No file arrived: choose it again.")
    _, size = pose_in(where)
    return with_points(where, poses_in_file(file).fitted(size), size)


def poses_in_file(file: str) -> Poses:
    """The poses in a file that a visitor gave.  Raises `ZooError` if there are none."""
    path = Path(file)
    if path.suffix.lower() in POSE_SUFFIXES:
        poses = poses_of(path)
        return Poses(poses.points[:FRAMES], poses.names[:FRAMES], poses.sizes[:FRAMES])
    if is_clip(path):
        found = []
        for frame in first_frames(file):
            look_at_clock()
            found.append(poses_of(frame))
        return Poses.join(("", poses.points[0], poses.sizes[0]) for poses in found)
    check_picture(file)
    return poses_of(path)


def own_pose(file: str) -> tuple[Tensor, bool]:
    """The pose of the person in a picture, and whether it was found; else one in the middle, to be dragged there.

    Raises `ZooError` if the picture cannot be read.
    """
    check_picture(file)
    width, height = header(Path(file))
    try:
        return poses_of(file).points[0], True
    except ZooError:
        tall = 0.85 * height
        points = torch.tensor([point or (0, 0) for point in NAMED_POSES[UNKNOWN]]) * tall / 1000
        points += torch.tensor([width / 2, 0.95 * height])
        return array_poses(torch.cat([points, torch.ones(len(points), 1)], 1)).points[0], False


def fitted(pose: Tensor, size: Sequence[int], picture: Sequence[int]) -> Tensor:
    """A pose (18, 3) in pixels of one size as one in pixels of the picture."""
    return pose if tuple(size) == tuple(picture) else resized(pose, size, picture)


def with_points(figure: str, poses: Tensor, size: Sequence[int]) -> str:
    """A figure in the first of these poses (N, 18, 3); the others follow it in a clip, until a joint is dragged."""
    content = json.loads(as_text(poses[0], size))
    content["picture"] = json.loads(figure)["picture"]
    if len(poses) > 1:
        content["clip"] = json.loads(as_text(poses.flatten(0, 1), size))["points"]
    return json.dumps(content)


def frames_of(figure: str) -> Tensor:
    """The poses (N, 18, 3) of a figure.  Raises `ZooError` as `pose_in`."""
    first, _ = pose_in(figure)
    clip = json.loads(figure).get("clip")
    if not clip:
        return first[None]
    try:
        return torch.tensor(clip[: FRAMES * len(first)], dtype=torch.float32).reshape(-1, *first.shape)
    except (ValueError, RuntimeError, TypeError):
        raise ZooError("The poses cannot be read: load the page again.") from None
