"""Which files a split has: those of its own folder, or those that stand in for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from i2i_zoo.errors import ZooError

from .files import find_pictures

#: Names to files.
Found = dict[str, Any]


class NothingToTest(ZooError):
    """There are pictures to train on, but none to measure a model on."""


class Place(NamedTuple):
    """The folders of a dataset's splits, or of one side of them, such as trainA.  They need not exist."""

    train: Path
    val: Path
    test: Path
    #: Whether there are no splits, and ``train`` holds all pictures.
    whole: bool = False
    #: Finds the files in one of the folders.
    find: Callable[[Path], Found] = find_pictures

    @classmethod
    def below(cls, root: Path, side: str = "", inner: str = "", find: Callable[[Path], Found] = find_pictures) -> Place:
        """The folders ``root/train<side>/<inner>``, and so for val and test."""
        train, val, test = (root / f"{split}{side}" / inner for split in ("train", "val", "test"))
        return cls(train, val, test, find=find)


def held_out(names: Collection[str], fraction: float) -> set[str]:
    """The names of training files that are held out for validation: at least one, and never all.

    They are those whose names have the smallest hashes, so always the same: a resumed run, and runs with several
    ``--data.seed``, validate on the same pictures.  Of two folders with the same names, the same names are held out.
    """
    count = min(max(1, round(fraction * len(names))), len(names) - 1) if fraction else 0
    hashes = {name: hashlib.sha256(name.encode(errors="replace")).digest() for name in names}
    return set(sorted(hashes, key=hashes.__getitem__)[:count])


class Splits:
    """The files of each split, at one or several places.

    Validation is never the test set, nor the test set validation, without a word.  A split without a folder of its own
    gets other files, and ``said`` is a sentence about them:

    - Validation is a part of the training files, which is held out of training.  It may be empty.
    - The test set is that of validation, if this has a folder.  It is never that of training, unless there are no
      splits at all: then it is everything.

    Args:
        places: Where the files are.
        fraction: The part of the training files to hold out.
        kind: The datamodule's name, for messages.
        things: What to call one and several of the things that are found, for messages.
    """

    def __init__(
        self,
        places: Sequence[Place],
        fraction: float,
        kind: str,
        things: tuple[str, str] = ("picture", "pictures"),
    ) -> None:
        self.places, self.fraction, self.kind, self.things = places, fraction, kind, things
        #: What to say about the files that were asked for last; often nothing.
        self.said = ""

    def files(self, split: str) -> list[Found]:
        """The files of a split at each place.  Raises `ZooError` if a folder is missing or holds no pictures."""
        self.said = ""
        return {"train": self.train, "val": self.val, "test": self.test}[split]()

    def train(self) -> list[Found]:
        """The files to train on."""
        divided = self.divided()
        return [divided[place][0] if place in divided else self.find(place, place.train) for place in self.places]

    def val(self) -> list[Found]:
        """The files to validate on."""
        divided = self.divided("val")
        since = lacking([place.val for place in divided])
        if all(out for _, out in divided.values()):
            if divided:
                numbers = [(f"{len(out)} of {len(kept) + len(out)}", p.train) for p, (kept, out) in divided.items()]
                self.said = (
                    f"Validation: {counted(numbers, f'training {self.things[1]}')}, held out by --data.val_fraction "
                    f"{self.fraction:g}, since {since}."
                )
            return [divided[place][1] if place in divided else self.find(place, place.val) for place in self.places]
        only = f"only one {self.things[0]}"
        why = next((f"{place.train} has {only}" for place, (kept, _) in divided.items() if len(kept) < 2), "")
        self.said = f"No validation: {since}, and {why if self.fraction else '--data.val_fraction is 0'}."
        return [{} for _ in self.places]

    def test(self) -> list[Found]:
        """The files to test on."""
        found, numbers, instead = [], [], []
        for place in self.places:
            folder = next((folder for folder in (place.test, place.val) if folder.is_dir()), place.train)
            if folder == place.train and not place.whole:
                why = ", and the pictures of training measure nothing: put others there" if folder.is_dir() else ""
                missing = f"{place.test}: there is no such folder{why}; see {self.kind} for the layouts."
                raise NothingToTest(missing) if folder.is_dir() else ZooError(missing)
            found.append(self.find(place, folder))
            if folder != place.test:
                numbers.append((str(len(found[-1])), folder))
                instead.append(place)
        if instead:
            trained = ", with those of training" if any(place.whole for place in instead) else ""
            since = lacking([place.test for place in instead])
            self.said = f"Test: {counted(numbers, self.things[1], single=False)}{trained}, since {since}."
        return found

    def divided(self, split: str = "train") -> dict[Place, tuple[Found, Found]]:
        """For each place without a folder for validation: the training files that are left, and those held out.

        None are held out if there are none for one of the places.  ``split`` is what they are needed for.
        """
        found = {}
        for place in self.places:
            if not place.val.is_dir():
                wanted = place.val if split == "val" and not place.train.is_dir() else place.train
                found[place] = self.find(place, wanted)
        out = {place: held_out(files, self.fraction) for place, files in found.items()}
        if not all(out.values()):
            out = {place: set() for place in found}
        return {
            place: (
                {name: file for name, file in files.items() if name not in out[place]},
                {name: file for name, file in files.items() if name in out[place]},
            )
            for place, files in found.items()
        }

    def find(self, place: Place, folder: Path) -> Found:
        """The files in a folder."""
        if not folder.is_dir():
            raise ZooError(f"{folder}: there is no such folder; see {self.kind} for the layouts.")
        return place.find(folder)


def counted(numbers: Sequence[tuple[str, Path]], what: str, single: bool = True) -> str:
    """Numbers of pictures in folders, in words: "3 pictures in x and 5 in y".

    If ``single``, the name of the folder is left out if there is only one.
    """
    (first, folder), *others = numbers
    place = f" in {folder}" if others or not single else ""
    return " and ".join([f"{first} {what}{place}", *(f"{number} in {folder}" for number, folder in others)])


def lacking(folders: Sequence[Path]) -> str:
    """That folders are missing, or those above them, in words: "data has no val/"."""
    missing = (folder if folder.parent.is_dir() else folder.parent for folder in folders)
    return " and ".join(dict.fromkeys(f"{folder.parent} has no {folder.name}/" for folder in missing))
