"""Clips of a rendered face that speaks, with its landmarks."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Ge, Le, Positive, Seed, Side
from i2i_zoo.data.splits import SplitData
from i2i_zoo.media.faces import BOX, face_box, face_maps
from i2i_zoo.media.pictures import to_float
from i2i_zoo.tasks.preprocess import FacePreprocess

from .faces import Person, Speech, flow_back, landmarks
from .remembering import Remembered

#: The face is drawn in a picture of about so many times the size of the frames, as of photographs, and then scaled.
FINER = 2


class Talk:
    """A face that speaks, in a square of its picture, which `face_box` finds in the first frame.

    Args:
        person: The person's seed.
        speech: The movements' seed.
        size: Height and width of the frames.
        rate: Frames a second.
    """

    def __init__(self, person: int, speech: int, size: int, rate: float) -> None:
        # From the front, the landmarks are 1.9 half widths of the head wide.
        picture = size * FINER
        self.person, self.speech = Person(person), Speech(speech, (picture, picture), picture / BOX / 1.9)
        self.size, self.rate = size, rate
        self.box = face_box(self.points(0))

    def points(self, number: int) -> Tensor:
        """The landmarks (68, 2) in a frame, in pixels of the picture that the square is part of."""
        return torch.from_numpy(landmarks(self.speech.at(number / self.rate)).astype(np.float32))

    def pixels(self, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the pixels of a frame in that picture, or of several in each along both sides."""
        count = self.size * samples
        steps = (np.arange(count) + 0.5) * self.box.side / count - 0.5
        y, x = np.meshgrid(self.box.top + steps, self.box.left + steps, indexing="ij")
        return x, y

    def frame(self, number: int) -> dict[str, Tensor]:
        """``face`` (15, H, W) in [0, 1], ``video`` (3, H, W) uint8, ``flow`` (2, H, W) and ``seen`` (1, H, W)."""
        moment, before = (self.speech.at(at / self.rate) for at in (number, number - 1))
        fine = self.person.frame(*self.pixels(FINER), moment, self.speech)
        picture = fine.reshape(self.size, FINER, self.size, FINER, 3).mean((1, 3))
        flow, seen = flow_back(*self.pixels(1), moment, before)
        return {
            "face": face_maps(self.points(number), self.box, (self.size, self.size)),
            "video": torch.from_numpy((picture * 255).round().astype(np.uint8)).permute(2, 0, 1),
            "flow": torch.from_numpy((flow * self.size / self.box.side).astype(np.float32)),
            "seen": torch.from_numpy(seen)[None],
        }


class TalkingFace(Dataset[dict[str, Any]]):
    """Items of `RenderedFace`; indexed by ``(epoch, index)``, of which only the index counts.

    Args:
        talk: What is shown.
        length: Number of items.
        frames: Frames of an item.
        step: Frames from the beginning of one item to that of the next.
    """

    def __init__(self, talk: Talk, length: int, frames: int, step: int) -> None:
        self.frame, self.length, self.frames, self.step = Remembered(talk.frame), length, frames, step

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        start = item[1] * self.step
        frames = [self.frame(number) for number in range(start, start + self.frames)]
        clip = {key: torch.stack([frame[key] for frame in frames]) for key in frames[0]}
        return {**clip, "video": to_float(clip["video"]), "name": f"frame{start:06}"}


class RenderedFace(SplitData):
    """One rendered face that turns, nods, blinks and speaks; in validation and test it does so in other ways.

    Batches hold ``face`` (B, T, 15, H, W) in [0, 1], as of `i2i_zoo.media.faces.face_maps`, ``video`` (B, T, 3, H, W)
    in [-1, 1], and ``flow`` (B, T, 2, H, W), from each frame back to the one before it; ``seen`` (B, T, 1, H, W) says
    where that one shows the same surface.  The first flow of a clip leads out of it.  It is the flow of the head; what
    eyes and mouth do by themselves is not in it, and not ``seen``.

    Frames are rendered at their first use and stay in memory, in each process.

    Args:
        train: Number of training clips in an epoch; each begins two frames after the one before.
        val: Number of validation clips.
        test: Number of test clips.
        size: Height and width of the frames.
        frames: Frames of a clip.
        rate: Frames in a second.
        person: Seed of the person.
        batch_size: Clips in a batch, of each process.
        num_workers: Processes that render.
        seed: Seed of movements and order.
    """

    batch_keys = ("face", "video", "flow", "seen")

    def __init__(
        self,
        train: Positive = 200,
        val: Positive = 4,
        test: Positive = 8,
        size: Side = 128,
        frames: Annotated[int, Ge(2)] = 8,
        rate: Annotated[float, Ge(1), Le(120)] = 12,
        person: Count = 1,
        batch_size: Positive = 1,
        num_workers: Count = 1,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.lengths = {"train": train, "val": val, "test": test}
        self.size, self.frames, self.rate, self.person = size, frames, rate, person

    def talk(self, split: str) -> Talk:
        """What the face of a split does."""
        return Talk(self.person, 3 * self.seed + list(self.lengths).index(split), self.size, self.rate)

    @property
    def preprocess(self) -> FacePreprocess:
        """What a model must know to draw faces as in training."""
        return FacePreprocess((self.size, self.size), False)

    def dataset(self, split: str) -> TalkingFace:
        """The clips of a split."""
        return TalkingFace(self.talk(split), self.lengths[split], self.frames, 2 if split == "train" else self.frames)
