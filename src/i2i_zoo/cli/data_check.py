"""``i2i-zoo data check``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError, printable
from i2i_zoo.registry import ENTRIES

from .parser import Parser, positive
from .terminal import fact

if TYPE_CHECKING:
    from torch import Tensor

    from i2i_zoo.data.splits import SplitData
    from i2i_zoo.tasks.preprocess import Preprocess

HELP = "look through data before training: counts, sizes, labels, duplicates, and a sheet of what training will see"

#: Frames of a clip that the sheet shows.
FRAMES = 4


def add_arguments(command: Parser) -> None:
    command.add_argument(
        "name", metavar="RECIPE", nargs="?", help="whose data: a recipe, a checkpoint, or the folder of a run"
    )
    command.add_argument("--data", metavar="CLASS", help="a datamodule, such as PairedData; its options follow")
    command.add_argument("--data.OPTION", metavar="VALUE", help="an option of the data, such as --data.root photos")
    command.add_argument(
        "-o", "--output", type=Path, default=Path("data-check.png"), metavar="FILE", help="the sheet [%(default)s]"
    )
    command.add_argument("--rows", type=positive, default=6, metavar="N", help="rows of the sheet [%(default)s]")
    command.epilog = "Example: i2i-zoo data check pix2pix/camvid --data.root photos"


def split_options(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options of data among the arguments, and the other arguments."""
    data, others, rest = list[str](), list[str](), list(argv)
    while rest:
        arg = rest.pop(0)
        if arg.partition("=")[0] != "--data" and not arg.startswith("--data."):
            others.append(arg)
            continue
        data.append(arg)
        if "=" not in arg and rest and not rest[0].startswith("--"):
            data.append(rest.pop(0))
    return data, others


def run(args: argparse.Namespace) -> int:
    from i2i_zoo.data.report import report

    if args.output.is_dir():
        raise ZooError(f"-o {args.output} is a folder: name a file for the sheet.")
    data = datamodule(args.name, args.data_options)
    found = report(data, args.rows)
    print(type(data).__name__)
    for label, text in found.facts:
        fact(label, text)
    if found.samples:
        draw_sheet(found.samples, data, args.output)
    for kind, sentences in (("warning", found.warnings), ("error", found.errors)):
        for sentence in sentences:
            print(printable(f"i2i-zoo: {kind}: {sentence}"), file=sys.stderr)
    return 1 if found.errors else 0


def datamodule(name: str | None, options: Sequence[str]) -> SplitData:
    """The datamodule of a recipe, a checkpoint or a run, with these options; or of the options alone.

    Raises `ZooError` with one sentence if there is none, or for a wrong option.
    """
    from lightning import LightningDataModule

    from i2i_zoo.data.splits import SplitData

    from .diagnosis import NotUnderstood, diagnose
    from .diagnosis import Parser as DataParser
    from .messages import first_reason, reason
    from .recipes import build_classes, import_recipe_classes

    section = section_of(name)
    if not section and not options:
        raise ZooError("Name a recipe, such as pix2pix/camvid, or give --data PairedData --data.root photos.")
    import_recipe_classes()
    parser = DataParser()
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    try:
        config = parser.parse_args([*section, *options])
        data = build_classes(parser, config).data
    except NotUnderstood as error:
        sentence = diagnose("fit", [*section, *options], ("data",))
        raise ZooError(sentence or "The options cannot be understood; compare them with the recipe's.") from error
    except ZooError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
        raise reason(error) or ZooError(f"The data cannot be built ({first_reason(str(error))}).") from error
    if not isinstance(data, SplitData):
        raise ZooError(f"{type(data).__name__} is no datamodule of the zoo, so nothing is known about its files.")
    return data


def section_of(name: str | None) -> list[str]:
    """The options that say which data a recipe, a checkpoint or a run has; none without a name."""
    from .names import as_options, find, is_folder_or_hub
    from .recipes import check_recipe, recipe
    from .tables import read_yaml

    if name is None:
        return []
    if name in ENTRIES or is_folder_or_hub(name):
        content = find(name).content()
    else:
        path = recipe(name)
        check_recipe(path)
        content = read_yaml(path)
    section = content.get("data")
    if isinstance(section, str):
        section = {"class_path": section}
    if not isinstance(section, dict) or "class_path" not in section:
        raise ZooError(f"{name} says nothing about data: give --data CLASS.")
    return as_options({"data": section["class_path"]}) + as_options(section.get("init_args") or {}, "data.")


def draw_sheet(items: Sequence[Mapping[str, Any]], data: SplitData, path: Path) -> None:
    """Write a picture of items of training: one in each row, its parts in the order of a batch."""
    from i2i_zoo.callbacks.samples import grid
    from i2i_zoo.media.files import save_picture

    keys = [key for key in (*data.batch_keys, "instance") if key in items[0]]
    rows = [[panel for key in keys for panel in panels(item, key, data.preprocess)] for item in items]
    save_picture(grid(rows), path)
    print(printable(f"{path}  what training will see: {', '.join(keys)}"))


def panels(item: Mapping[str, Any], key: str, preprocess: Preprocess) -> list[Tensor]:
    """A part of an item as pictures (1 or 3, H, W) of uint8: one, or some frames of a clip."""
    from i2i_zoo.media.pictures import to_uint8
    from i2i_zoo.media.pose_drawing import stick_figure

    value = item[key]
    pictures = [other for name, other in item.items() if name in ("target", "video") and other.ndim > 2]
    palette = {"source": preprocess.source_palette, "target": preprocess.target_palette}.get(key)
    if key in ("label", "instance"):
        maps = value if value.ndim == 3 else value[None]
        return [coloured(ids, preprocess.source_palette if key == "label" else None) for ids in maps[:FRAMES]]
    if key.endswith("pose"):
        poses = value if value.ndim == 3 else value[None]
        return [to_uint8(stick_figure(pose[None], pictures[0].shape[-2:])[0]) for pose in poses[:FRAMES]]
    if value.ndim == 4:
        return [to_uint8(frame) for frame in value[:FRAMES]]
    if key == "mask":
        return [to_uint8(2 * value - 1)]
    if len(value) not in (1, 3):  # one channel for each label, or two of colour
        return [coloured(value.argmax(0), palette)] if len(value) > 3 else [to_uint8(value[:1])]
    return [to_uint8(value)]


def coloured(ids: Tensor, palette: str | None) -> Tensor:
    """Label ids (H, W) in their colours (3, H, W); without a palette, in colours that differ."""
    import torch

    from i2i_zoo.media.palettes import PALETTES

    if palette is not None and int(ids.max()) < len(PALETTES[palette]):
        return torch.from_numpy(PALETTES[palette])[ids].permute(2, 0, 1)
    steps = torch.tensor([67, 129, 193])  # odd, so that 256 ids have 256 colours
    return (ids[None] * steps[:, None, None] % 256).to(torch.uint8)
