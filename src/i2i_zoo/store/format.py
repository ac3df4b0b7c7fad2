"""The files of a checkpoint: their names, what is in them, and a folder of them written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack
from torch import Tensor

from i2i_zoo import __version__
from i2i_zoo.atomic import leftovers, remove_leftovers
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import METHODS

from .card import Card

CONFIG, WEIGHTS, DISCRIMINATORS, CARD = "config.json", "model.safetensors", "discriminators.safetensors", "README.md"


class Config(NamedTuple):
    """What ``config.json`` says of a checkpoint."""

    #: A name of `i2i_zoo.registry.METHODS`.
    method: str
    #: Arguments of the method's constructor.
    hparams: dict[str, Any]
    #: How pictures become the tensors that the model was trained on (see `i2i_zoo.tasks`).
    preprocess: dict[str, Any]


def read_config(path: Path) -> Config:
    """What a ``config.json`` says; raises `ZooError` if it cannot be read or is not that of a checkpoint."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ZooError(f"{path}: the file cannot be read ({error}); get it again.") from error
    kinds = {"method": str, "hparams": dict, "preprocess": dict}
    if not isinstance(content, dict) or not all(isinstance(content.get(key), kind) for key, kind in kinds.items()):
        raise ZooError(f"{path} is not the config.json of a checkpoint: it needs {', '.join(kinds)}.")
    config = Config(**{key: content[key] for key in kinds})
    if config.method not in METHODS:
        choices = ", ".join(METHODS)
        raise ZooError(f"{path}: no method is called {config.method!r}: choose from {choices}.")
    return config


def write_checkpoint(
    directory: Path,
    config: Config,
    weights: Mapping[str, Tensor],
    discriminators: Mapping[str, Tensor],
    card: Card | None,
    *,
    half: bool = False,
) -> None:
    """Write a checkpoint's files into a temporary folder, and move them to the directory when all are complete.

    The temporary folder is beside the directory, or inside if the directory exists: its parent may be read-only, or it
    may be a mount point.

    Args:
        directory: The checkpoint's folder; made if it is missing. A README.md that is there stays.
        config: The content of config.json.
        weights: The content of model.safetensors.
        discriminators: The content of discriminators.safetensors; if empty, there will be no such file.
        card: The content of README.md, and its pictures.  A file of a picture's name that is there stays.
        half: Store floating point numbers in half precision.

    Raises:
        ZooError: If it cannot be written, or if the directory holds files of these names that are not of a checkpoint;
            then the directory is as it was.
    """
    try:
        directory = directory.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, or links in a circle
        raise ZooError(f"Cannot write the checkpoint {str(directory)!r} ({error}); choose another place.") from None
    inside, beside = (folder / f".{directory.name}.{os.getpid()}" for folder in (directory, directory.parent))
    temporary = beside
    try:
        # A save that was killed while it moved the files leaves some of them without a config.json.
        if not any((leftover / "old").is_dir() for leftover in leftovers(inside)):
            _refuse_foreign(directory)
        temporary = inside if directory.is_dir() else beside
        remove_leftovers(inside)
        remove_leftovers(beside)
        temporary.mkdir(parents=True)
        (temporary / WEIGHTS).write_bytes(_packed(weights, half))
        if discriminators:
            (temporary / DISCRIMINATORS).write_bytes(_packed(discriminators, half))
        beside_card = _write_card(card, temporary, directory) if card else ()
        content = json.dumps({**config._asdict(), "i2i_zoo": __version__}, indent=2)
        (temporary / CONFIG).write_text(content + "\n", encoding="utf-8")
        _replace(temporary, directory, beside_card)
    except (OSError, SafetensorError) as error:
        why = getattr(error, "strerror", None) or error
        raise ZooError(f"Cannot write the checkpoint {directory} ({why}); choose another place.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_card(card: Card, temporary: Path, directory: Path) -> tuple[str, ...]:
    """Write a card and its pictures, unless the directory has a card; the names of those pictures that it lacks."""
    if os.path.lexists(directory / CARD):
        return ()
    (temporary / CARD).write_text(card.text, encoding="utf-8")
    names = tuple(name for name in card.pictures if not os.path.lexists(directory / name))
    for name in names:
        (temporary / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(card.pictures[name], temporary / name)
    return names


def _packed(tensors: Mapping[str, Tensor], half: bool) -> bytes:
    """The tensors in the safetensors format."""

    def stored(tensor: Tensor) -> Tensor:
        if half and tensor.is_floating_point():
            halved = tensor.half()
            # A running variance may be beyond the range of half precision; it stays as it is.
            tensor = halved if halved.isfinite().all() else tensor
        return tensor.detach().cpu().contiguous()

    # Not `save_file`, whose files only their owner may read.
    return pack({name: stored(tensor) for name, tensor in tensors.items()})


def _refuse_foreign(directory: Path) -> None:
    """Raise `ZooError` if the directory holds files that would be replaced and are not of a checkpoint of the zoo."""
    found = [file for file in (CONFIG, WEIGHTS, DISCRIMINATORS) if os.path.lexists(directory / file)]
    foreign = found[:1]
    try:
        if found:
            read_config(directory / CONFIG)
        for file in found[1:]:
            foreign = [file]
            with safe_open(directory / file, "pt"):
                pass
    except (ZooError, OSError, SafetensorError):
        raise ZooError(
            f"{directory} holds {foreign[0]}, which is not of a checkpoint of the zoo and stays as it is: choose "
            "another folder."
        ) from None


def _replace(temporary: Path, directory: Path, pictures: tuple[str, ...]) -> None:
    """Move a whole checkpoint into place: in one step if the directory is new, otherwise file by file."""
    if temporary.parent != directory:
        os.replace(temporary, directory)
        return
    # config.json leaves first and comes last.  A directory without it is not a checkpoint, so a kill in between never
    # mixes old and new parts.
    old, new = temporary / "old", list[str]()
    old.mkdir()
    try:
        for file in (CONFIG, WEIGHTS, DISCRIMINATORS):
            if os.path.lexists(directory / file):
                os.replace(directory / file, old / file)
        for file in (WEIGHTS, DISCRIMINATORS, *pictures, CARD, CONFIG):
            if (temporary / file).exists():
                os.replace(temporary / file, directory / file)
                new.append(file)
    except BaseException:  # also Ctrl-C: what was there comes back
        for file in new:
            (directory / file).unlink(missing_ok=True)
        for file in (DISCRIMINATORS, WEIGHTS, CONFIG):
            if os.path.lexists(old / file):
                os.replace(old / file, directory / file)
        raise
