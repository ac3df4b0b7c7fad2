"""How models are used: what an example of the command line and of Python gives them, and what the Hub calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Use:
    """How the models of a task are used."""

    #: What they do.
    what: str
    #: The Hub's word for that.
    pipeline: str
    #: A source to translate; empty if they make pictures or clips from noise.
    source: str = ""
    #: What else ``translate`` needs, of some models at least: conditions and values for them.
    conditions: Mapping[str, str] = field(default_factory=dict)
    #: Whether the result is a clip, which is a list of frames.
    clip: bool = False
    #: Extras of the package that this needs.
    extras: tuple[str, ...] = ()


#: Tasks, and what differs from its task, to their uses.
USES = {
    "paired": Use("translates pictures", "image-to-image", "input.png"),
    "semantic": Use("translates label maps to photographs", "image-to-image", "labels.png"),
    "unpaired": Use("translates pictures", "image-to-image", "a.png"),
    "style": Use(
        "renders photographs in the style of a picture", "image-to-image", "photo.jpg", {"style": "painting.jpg"}
    ),
    "one-style": Use("renders photographs in its style", "image-to-image", "photo.jpg"),
    "pose": Use(
        *("shows persons in other poses", "image-to-image", "person.png"),
        {"pose": "waving", "source_pose": "person.json"},
    ),
    "semantic-clips": Use(
        *("makes videos of clips of label maps", "image-to-video", "labels/"), {"first": "first.png"}, clip=True
    ),
    "face-clips": Use(
        *("makes videos of a face of its landmarks", "image-to-video", "landmarks/"),
        {"first": "first.png", "picture": "pictures/"},
        clip=True,
    ),
    "dancer": Use(
        *("makes a person dance as another does in a video", "image-to-video", "dance.mp4"),
        clip=True,
        extras=("pose", "video"),
    ),
    "animation": Use("animates pictures", "image-to-video", "input.png", {"driving": "clip.gif"}, clip=True),
    # The Hub has no such word for clips.
    "clips": Use("makes clips from noise", "unconditional-image-generation", clip=True),
    "noise": Use("makes pictures from noise", "unconditional-image-generation"),
}
