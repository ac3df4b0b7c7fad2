"""The command ``i2i-zoo``.

The parser is static and what a command needs is imported when it runs, so that help, lists and mistakes answer at once.
"""

from __future__ import annotations

import argparse
import functools
import glob
import inspect
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from i2i_zoo import __version__
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES, METHODS, Entry, info, list_models

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

#: The verbs of Lightning's command line, which parses their arguments itself.
TRAINING = {
    "fit": "train or fine-tune with a recipe",
    "validate": "measure on the validation data",
    "test": "measure on the test data: i2i-zoo test NAME [--card], or with a recipe and a checkpoint",
    "predict": "translate the test data of a recipe",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default the process's; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        if argv and argv[0] in TRAINING:
            from . import training

            training.main(argv[0], argv[1:])
            return 0
        parser, commands = build_parser()
        if argv and argv[0] in commands:
            # Intermixed, since `translate NAME -o OUT INPUT` is as good an order as any.
            args = commands[argv[0]].parse_intermixed_args(argv[1:])
        else:
            args = parser.parse_args(argv)
        return args.run(args) or 0
    except ZooError as error:
        print(f"i2i-zoo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("i2i-zoo: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `i2i-zoo list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # a path below a folder that may not be searched, say
        if error.filename is None:
            raise
        print(f"i2i-zoo: {error.filename}: {error.strerror}; check the path and its rights.", file=sys.stderr)
        return 1


class Parser(argparse.ArgumentParser):
    """Errors in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and those of its subcommands that have no subcommands of their own, by name."""
    parser = Parser("i2i-zoo", description="Image-to-image translation: pretrained models, training and evaluation.")
    parser.add_argument("--version", action="version", version=f"i2i-zoo {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run: Any, text: str) -> Parser:
        command = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
        command.set_defaults(run=run)
        commands[name] = command
        return command

    commands: dict[str, Parser] = {}
    command = add("translate", translate, "translate pictures with a checkpoint")
    command.add_argument("name", metavar="NAME", help="checkpoint: a name of the list, hf:org/repo, or a folder")
    command.add_argument(
        "inputs", metavar="INPUT", nargs="*", help="files, folders or globs; none for the checkpoint's own example"
    )
    command.add_argument(
        "-o", "--output", type=Path, default=Path("translated"), help="folder for the results [%(default)s]"
    )
    command.add_argument(
        "--size", type=positive, nargs="+", metavar="N", help="work at N or H W pixels; by default each picture's own"
    )
    command.add_argument(
        "--direction",
        choices=["ab", "ba"],
        help="of a model of two domains: from A to B, as by default, or from B to A",
    )
    styles = command.add_mutually_exclusive_group()
    styles.add_argument(
        "--style",
        action="append",
        metavar="FILE",
        help="picture whose style to take, for a model with styles; several times where styles can be mixed",
    )
    styles.add_argument("--seed", type=seed, metavar="N", help="draw the style at random instead")
    command.add_argument("--alpha", type=float, metavar="A", help="from 0, the content, to 1, the style, as by default")
    command.add_argument("--weights", type=float, nargs="+", metavar="W", help="of several styles, in their order")
    command.add_argument(
        "--mask", action="append", metavar="FILE", help="picture that is white where a style goes, one for each style"
    )
    command.add_argument("--preserve-colour", action="store_true", default=None, help="keep the content's colours")
    command.add_argument("--style-size", type=positive, metavar="N", help="shorter side of styles in pixels [512]")
    command.add_argument(
        "--tile",
        type=positive,
        metavar="N",
        help="work in overlapping tiles of N pixels, for pictures too large at once",
    )
    command.add_argument("--batch", type=positive, default=4, help="pictures at a time [%(default)s]")
    command.add_argument("--device", help="cuda, cuda:1, mps or cpu; by default a GPU where there is one")
    command.add_argument(
        "--devices", type=positive, default=1, metavar="N", help="GPUs, or processes with --device cpu"
    )
    command.add_argument("--overwrite", action="store_true", help="translate again what is there already")

    command = add("list", list_, "list the checkpoints")
    command.add_argument("pattern", metavar="PATTERN", nargs="?", default="*", help="such as '*cityscapes*'")
    command.add_argument("--method", choices=sorted(METHODS))
    command.add_argument("--task", choices=sorted({method.task for method in METHODS.values()}))
    command.add_argument("--license", choices=sorted({entry.license for entry in ENTRIES.values()}))
    command.add_argument("--bundled", action="store_true", default=None, help="those that need no download")

    command = add("info", info_, "tell all about a checkpoint")
    command.add_argument("name", metavar="NAME")

    for verb, text in TRAINING.items():
        verbs.add_parser(verb, help=text, add_help=False)

    command = add("convert", convert, "convert an official checkpoint, or one of fit, to a folder of the zoo")
    command.add_argument("method", metavar="METHOD", help=", ".join(sorted(METHODS)))
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="the generator's file, a .ckpt of fit, or NETWORK=FILE each"
    )
    command.add_argument("-o", "--output", type=Path, required=True, help="folder to write")

    command = add("export", export, "write a checkpoint as a graph for other runtimes, compared with the model")
    command.add_argument("name", metavar="NAME", help="checkpoint: a name of the list, hf:org/repo, or a folder")
    command.add_argument("--format", choices=["onnx", "torch"], default="onnx", help="[%(default)s]")
    command.add_argument("--half", action="store_true", help="in half precision")
    command.add_argument("--direction", choices=["ab", "ba"], help="of a model of two domains; ab by default")
    command.add_argument("-o", "--output", type=Path, required=True, help="file to write")

    command = add("benchmark", benchmark, "measure the speed of training and translation")
    command.add_argument("name", metavar="NAME", help="checkpoint, or a method with its defaults")
    command.add_argument("--size", type=positive, nargs="+", default=[256], metavar="N", help="N or H W pixels [256]")
    command.add_argument("--batch", type=positive, default=1, help="pictures at a time for each device [%(default)s]")
    command.add_argument("--device", choices=["cpu", "cuda"], help="by default a GPU where there is one")
    command.add_argument("--devices", type=positive, default=1, metavar="N", help="measure 1, 2, 4 ... N devices [1]")
    command.add_argument("--precision", choices=["32", "bf16", "16"], default="32", help="[%(default)s]")
    command.add_argument("--compile", action="store_true", help="compile the networks")
    command.add_argument("--channels-last", action="store_true", help="in channels-last memory format")
    command.add_argument("--steps", type=positive, default=20, help="batches to time [%(default)s]")
    command.add_argument("--data", type=Path, metavar="ROOT", help="measure the reading of this dataset alone instead")
    command.add_argument("--workers", type=positive, default=4, help="processes that read, for --data [%(default)s]")
    command.add_argument("--json", action="store_true", help="a line of JSON for each result")

    command = add("push", push, "publish a checkpoint on the Hugging Face Hub")
    command.add_argument("name", metavar="NAME", help="a folder, or a name of the list")
    command.add_argument("repo", metavar="REPO", help="org/name")
    command.add_argument("--private", action="store_true", default=None, help="make a new repository private")
    command.add_argument("--create-pr", action="store_true", help="open a pull request")

    command = add("demo", demo, "open a page to paint label maps on, and to translate pictures")
    command.add_argument("names", metavar="NAME", nargs="*", help="checkpoints; by default all that are bundled")
    command.add_argument("--port", type=positive, help="port of the page; by default the first free one from 7860 on")
    command.add_argument("--share", action="store_true", help="make it reachable from elsewhere, through Gradio")

    command = add("normalization", normalization, "draw and measure what each normalisation layer does")
    command.add_argument("-o", "--output", type=Path, default=Path(), help="folder for normalization.png [%(default)s]")

    data = verbs.add_parser("data", help="fetch and prepare public datasets")
    steps = data.add_subparsers(metavar="COMMAND", required=True)
    command = steps.add_parser("fetch", help="download a dataset from its authors")
    command.add_argument("dataset", metavar="DATASET", help="such as facades or horse2zebra")
    command.add_argument("--root", type=Path, default=Path("data"), help="where to put its folder [%(default)s]")
    command.set_defaults(run=fetch)
    command = steps.add_parser("prepare", help="bring an official download into the documented layout")
    command.add_argument("dataset", metavar="DATASET", help="such as cityscapes-semantic, ade20k or cocostuff")
    command.add_argument("source", type=Path, metavar="SOURCE", help="folder of the official download")
    command.add_argument("--root", type=Path, default=Path("data"), help="where to put its folder [%(default)s]")
    command.set_defaults(run=prepare)
    return parser, commands


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def seed(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:  # the generator takes 64 bits
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: give a whole number of at most 18 digits")
    return int(text)


def list_(args: argparse.Namespace) -> int:
    names = list_models(args.pattern, method=args.method, task=args.task, license=args.license, bundled=args.bundled)
    rows = [("NAME", "TASK", "METHOD", "DATASET", "LICENCE", "SIZE", "WEIGHTS")]
    for name in names:
        entry = ENTRIES[name]
        rows.append((name, entry.task, entry.method, entry.dataset, entry.license, size(entry), entry.weights))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if names else []:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if not names:
        print("No checkpoint matches.", file=sys.stderr)
    return 0 if names else 1


def bundle(name: str) -> Path:
    """The folder of a bundled checkpoint."""
    return Path(__file__).parents[1] / "checkpoints" / name


def size(entry: Entry) -> str:
    """Size of the weights where they are at hand."""
    weights = bundle(entry.name) / "model.safetensors"
    return f"{weights.stat().st_size / 1e6:.1f} MB" if weights.is_file() else "-"


def info_(args: argparse.Namespace) -> None:
    from i2i_zoo.cards import card_path, read_card

    entry = info(args.name)
    facts = {
        "task": entry.task,
        "method": entry.method,
        "dataset": entry.dataset,
        "translation": entry.description,
        "licence": f"{entry.license}. {entry.license_notice}",
        "weights": ", ".join([entry.weights, *entry.official.values(), *filter(None, [entry.repo])]),
        "size": size(entry),
        "paper": entry.paper,
        "recipe": f"recipes/{entry.recipe}.yaml",
    }
    print(entry.name)
    for key, value in facts.items():
        print(f"  {key:<12} {value}")
    path = card_path(entry)
    if path.is_file():
        print("", read_card(path).text.strip(), sep="\n")


def convert(args: argparse.Namespace) -> None:
    named = [file.partition("=") for file in args.files]
    if len(named) == 1 and not named[0][1]:
        files: Any = args.files[0]
    elif all(equals for _, equals, _ in named):
        files = {network: file for network, _, file in named}
    else:
        raise ZooError("Say which network each file is for: generator=FILE discriminator=FILE.")
    from i2i_zoo import convert as convert_files
    from i2i_zoo import save

    save(convert_files(args.method, files), args.output)
    print(f"Written to {args.output}. Use it with: i2i-zoo translate {args.output} PICTURE")


def export(args: argparse.Namespace) -> None:
    from i2i_zoo import load
    from i2i_zoo.export import export as export_graph

    differences = export_graph(load(args.name), args.output, args.format, half=args.half, direction=args.direction)
    for shape, difference in differences.items():
        print(f"output {shape}: differs by at most {difference:.1e}")
    print(f"Written to {args.output}.")


def benchmark(args: argparse.Namespace) -> None:
    if len(args.size) > 2:
        raise ZooError(f"--size takes one number or height and width, not {len(args.size)} numbers.")
    import json

    import torch

    from i2i_zoo import benchmark as benchmarks

    if args.data:
        results = [benchmarks.measure_data(data_of(args.name, args.data, args.batch, args.workers))]
        line = "{images_per_second} images/s, {images_per_second_per_worker} for each of {workers} workers"
        print(json.dumps(results[0]) if args.json else line.format(**results[0]))
        return
    setting = benchmarks.Setting(
        args.name,
        device=args.device or ("cuda" if torch.cuda.is_available() else "cpu"),
        batch=args.batch,
        height=args.size[0],
        width=args.size[-1],
        precision=args.precision,
        compile=args.compile,
        channels_last=args.channels_last,
        steps=args.steps,
    )
    results = benchmarks.scaling(setting, args.devices)
    print("\n".join(map(json.dumps, results)) if args.json else benchmarks.table(results))


def data_of(name: str, root: Path, batch: int, workers: int) -> Any:
    """The data below a folder, read as the checkpoint's recipe does, or as by default for a method."""
    import yaml

    from i2i_zoo.cards import shipped
    from i2i_zoo.data.paired import PairedData
    from i2i_zoo.data.rendered.digits import DigitsData
    from i2i_zoo.data.semantic import SemanticData
    from i2i_zoo.data.style import StyleData
    from i2i_zoo.data.unpaired import UnpairedData

    classes = (DigitsData, PairedData, SemanticData, StyleData, UnpairedData)
    kinds: dict[str, Any] = {kind.__name__: kind for kind in classes}
    options: dict[str, Any] = {}
    kind: Any = PairedData
    if name in ENTRIES:
        recipe = yaml.safe_load((shipped("recipes") / f"{ENTRIES[name].recipe}.yaml").read_text(encoding="utf-8"))
        kind = kinds[recipe["data"]["class_path"]]
        options = recipe["data"]["init_args"]
    elif name not in METHODS:
        raise ZooError(f"--data: {name} has no recipe; name a checkpoint of the zoo or one of {', '.join(METHODS)}.")
    root_of = "content" if kind is StyleData else "root"
    return kind(**{**options, root_of: str(root), "batch_size": batch, "num_workers": workers})


def push(args: argparse.Namespace) -> None:
    from i2i_zoo import load
    from i2i_zoo import push as push_model
    from i2i_zoo.cards import card_path

    folder, card = Path(args.name), Path(args.name) / "README.md"
    if args.name in ENTRIES:
        folder, card = bundle(args.name), card_path(ENTRIES[args.name])
    model = load(args.name, discriminators=(folder / "discriminators.safetensors").is_file())
    text = card.read_text(encoding="utf-8") if card.is_file() else None
    print(push_model(model, args.repo, private=args.private, create_pr=args.create_pr, card=text))


def demo(args: argparse.Namespace) -> None:
    from i2i_zoo.demo import serve

    serve(args.names, args.port, args.share)


def normalization(args: argparse.Namespace) -> None:
    from i2i_zoo.normalization_figure import demonstrate

    table, path = demonstrate(args.output)
    print(f"{table}\n{path}")


def fetch(args: argparse.Namespace) -> None:
    from i2i_zoo.data.public.fetch import fetch

    print(fetch(args.dataset, args.root))


def prepare(args: argparse.Namespace) -> None:
    from i2i_zoo.data.public.prepare import prepare

    folder = args.root / args.dataset
    prepare(args.dataset, args.source, folder)
    print(folder)


def translate(args: argparse.Namespace) -> int:
    if args.size and len(args.size) > 2:
        raise ZooError(f"--size takes one number or height and width, not {len(args.size)} numbers.")
    size = tuple(args.size) if args.size and len(args.size) == 2 else args.size and args.size[0]
    style = args.style[0] if args.style and len(args.style) == 1 else args.style
    options = {"size": size, "style": style, "masks": args.mask}
    named = ("direction", "seed", "tile", "alpha", "weights", "preserve_colour", "style_size")
    options |= {name: getattr(args, name) for name in named}
    options = {name: value for name, value in options.items() if value is not None}
    # A seed draws a style for each picture of a batch: all are to have its first.
    batch = args.batch if args.seed is None else 1
    from i2i_zoo.media.files import PICTURE_SUFFIXES

    if args.output.suffix.lower() in PICTURE_SUFFIXES or args.output.is_file():
        raise ZooError(f"-o {args.output}: results are written into a folder, under the names of the inputs; name one.")
    if not args.inputs:
        return translate_example(args.name, args.output, options, args.device)
    jobs = plan(args.inputs, args.output)
    todo = {target: source for target, source in jobs.items() if args.overwrite or not target.exists()}
    failures: list[str] = []
    if todo and args.devices == 1:
        failures += translate_all(load_for(args.name, args.device), todo, batch, options)
    elif todo:
        failures += translate_sharded(args.name, device_names(args.device, args.devices), todo, batch, options)
    for failure in failures:
        print(f"i2i-zoo: {failure}", file=sys.stderr)
    there = f", {len(jobs) - len(todo)} were there already" if len(jobs) > len(todo) else ""
    failed = f", {len(failures)} could not be" if failures else ""
    print(f"{len(todo) - len(failures)} translated{there}{failed}: {args.output}")
    return 1 if failures else 0


def translate_example(name: str, output: Path, options: Mapping[str, Any], device: str | None) -> int:
    """Translate the picture that ships with the checkpoint, and show it and the result beside each other."""
    example = bundle(name) / "example.png"
    if not example.is_file():
        raise ZooError(f"{name} ships no example: give pictures to translate, i2i-zoo translate {name} PICTURE.")
    from i2i_zoo.callbacks.samples import grid
    from i2i_zoo.media.files import save_picture
    from i2i_zoo.media.geometry import resize
    from i2i_zoo.media.pictures import read_picture, to_pil, to_uint8

    model = load_for(name, device)
    example_style = bundle(name) / "example-style.png"
    if "style" not in options and example_style.is_file():
        options = {**options, "style": str(example_style)}
    check_options(model, options)
    if options.get("direction") == "ba":
        raise ZooError(f"{name} ships an example of A alone: give pictures of B to translate with --direction ba.")
    direction = next(iter(model.directions.values()))
    source = direction.read_source(example, options.get("size"))
    result = model.translate(example, **options)
    save_picture(result, output / f"{name}.png")
    beside = output / f"{name}-beside.png"
    shown = [to_pil(direction.source_picture(source[None])[0])]
    if options.get("style") == str(example_style):
        shown.append(to_pil(resize(read_picture(example_style), source.shape[-2:])))
    panels = [to_uint8(read_picture(picture)) for picture in (*shown, result)]
    save_picture(grid([panels]), beside)
    print(f"{output / name}.png  the result\n{beside}  input and result beside each other")
    return 0


def load_for(name: str, device: str | None) -> Any:
    """The checkpoint on the device named, or on the GPU where there is one."""
    import torch

    from i2i_zoo import load

    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ZooError(f"--device {device}: {str(error).splitlines()[0]}") from None
    return load(name, device=device)


def options_of(model: Any) -> list[str]:
    """Those options of ``translate`` but the size that the model takes and that matter to it."""
    taken = inspect.signature(type(model).translate).parameters
    styled = needs_style(model) or any(model.hparams.get(key) for key in ("latent", "features", "style"))
    named = ("direction", "tile", "alpha", "weights", "masks", "preserve_colour", "style_size")
    return [name for name in (*named, *(["style", "seed"] if styled else [])) if name in taken]


def needs_style(model: Any) -> bool:
    """Whether the model translates nothing without a style."""
    style = inspect.signature(type(model).translate).parameters.get("style")
    return style is not None and style.default is inspect.Parameter.empty


def check_options(model: Any, options: Mapping[str, Any]) -> None:
    """Raise `ZooError` for an option of ``translate`` that the model does not take, before any picture is read."""
    from i2i_zoo.media.files import read_array

    lacks = {"direction": "translates one way alone", "tile": "does not work in tiles", "style": "has no styles"}
    lacks["seed"] = "draws no styles" if needs_style(model) else "has no styles"
    taken = options_of(model)
    for name in options:
        if name != "size" and name not in taken:
            has = lacks.get(name, "does not mix styles")
            flag = "mask" if name == "masks" else name.replace("_", "-")
            raise ZooError(f"--{flag} {options[name]}: this {type(model).__name__} {has}; leave it out.")
    if needs_style(model) and "style" not in options:
        raise ZooError(f"This {type(model).__name__} gives pictures any style: say which with --style PICTURE.")
    if "direction" in options:
        model.direction(options["direction"])
    styles = options.get("style", [])
    if isinstance(styles, list) and len(styles) > 1 and "weights" not in taken:
        raise ZooError(f"--style was given {len(styles)} times: this {type(model).__name__} takes one style.")
    for picture in [*([styles] if isinstance(styles, str) else styles), *options.get("masks", [])]:
        read_array(picture)


def plan(inputs: Sequence[str], output: Path) -> dict[Path, Path]:
    """Each file to write, to the picture that it is made from.

    Raises `ZooError` before anything is done: for an input that is not there, two that would write one file, and a
    result that would replace an input.
    """
    jobs: dict[Path, Path] = {}
    for text in inputs:
        found = list(expand(text))
        if not found:
            what = "there is no such file or folder" if not Path(text).is_dir() else "the folder holds no pictures"
            raise ZooError(f"{text}: {what}; check the path.")
        if Path(text).is_dir() and Path(text).resolve() in (output.resolve(), *output.resolve().parents):
            raise ZooError(f"-o {output}: results would lie among the pictures of {text}; choose a folder outside it.")
        for source, relative in found:
            target = output / relative.with_suffix(".png")
            if target in jobs and jobs[target].resolve() != source.resolve():
                raise ZooError(f"{jobs[target]} and {source} would both be written to {target}; translate them apart.")
            jobs[target] = source
    sources = {source.resolve() for source in jobs.values()}
    for target, source in jobs.items():
        if target.resolve() in sources:
            raise ZooError(f"{source}: the result would replace an input, {target}; choose another folder with -o.")
    return jobs


def expand(text: str) -> Iterator[tuple[Path, Path]]:
    """The pictures that an input names, each with its path below the input's folder."""
    from i2i_zoo.media.files import PICTURE_SUFFIXES, find_files

    path = Path(text)
    if path.is_dir():
        for file in find_files(path):
            yield file, file.relative_to(path)
    elif path.exists() or not glob.has_magic(text):
        if path.exists():
            yield path, Path(path.name)
    else:
        parts = path.parts
        fixed = Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
        for match in sorted(glob.glob(text, recursive=True)):
            file = Path(match)
            if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file():
                yield file, file.relative_to(fixed)


def translate_all(
    model: Any, jobs: dict[Path, Path], batch: int, options: Mapping[str, Any], quiet: bool = False
) -> list[str]:
    """Write each file; returns what went wrong.  The next batch is read while the network runs.

    ``options`` are those of the model's ``translate``.
    """
    from tqdm import tqdm

    from i2i_zoo.media.files import read_array, save_picture

    check_options(model, options)
    if needs_style(model):  # which is encoded once for all pictures
        size = {"size": options["size"]} if "size" in options else {}
        model, options = model.styled(**{name: value for name, value in options.items() if name != "size"}), size
    targets, failures = list(jobs), []
    batches = [targets[i : i + batch] for i in range(0, len(targets), batch)]
    with ThreadPoolExecutor(batch) as readers, tqdm(total=len(targets), unit=" pictures", disable=quiet) as progress:
        ahead = [readers.submit(read_array, jobs[target]) for target in batches[0]]
        for current, following in zip(batches, [*batches[1:], []], strict=True):
            reads, ahead = ahead, [readers.submit(read_array, jobs[target]) for target in following]
            for target, result in translate_batch(model, current, reads, jobs, options):
                if isinstance(result, str):
                    failures.append(result)
                else:
                    save_picture(result, target)
                progress.update()
    return failures


def device_names(device: str | None, count: int) -> list[str]:
    """The device of each of so many processes: as many GPUs, or the CPU for all."""
    import torch

    gpus = torch.cuda.device_count()
    if device == "cpu":
        return ["cpu"] * count
    if device not in (None, "cuda"):
        raise ZooError(f"--devices {count} works with --device cuda or cpu, not {device}.")
    if count > gpus:
        raise ZooError(
            f"--devices {count}: there are {gpus} GPUs here; with --device cpu so many processes share the CPU."
        )
    return [f"cuda:{i}" for i in range(count)]


def translate_sharded(
    name: str, devices: list[str], jobs: dict[Path, Path], batch: int, options: Mapping[str, Any]
) -> list[str]:
    """As `translate_all`, with a process for each device; the batches go round, so they are those of one process."""
    from tqdm import tqdm

    targets = list(jobs)
    parts = [{target: jobs[target] for target in targets[i : i + batch]} for i in range(0, len(targets), batch)]
    context, failures = multiprocessing.get_context("spawn"), {}
    pools = [ProcessPoolExecutor(1, context) for _ in devices]
    try:
        futures = {}
        for i, part in enumerate(parts):
            pool, device = pools[i % len(pools)], devices[i % len(pools)]
            futures[pool.submit(translate_part, name, device, len(devices), part, batch, options)] = i
        with tqdm(total=len(targets), unit=" pictures") as progress:
            for future in as_completed(futures):
                failures[futures[future]] = future.result()
                progress.update(len(parts[futures[future]]))
    except BrokenProcessPool:
        raise ZooError(
            "A process that translates was killed, most often since the memory was full: use fewer --devices "
            "or a smaller --batch; what is done already is kept."
        ) from None
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)
    return [failure for i in sorted(failures) for failure in failures[i]]


def translate_part(
    name: str, device: str, processes: int, jobs: dict[Path, Path], batch: int, options: Mapping[str, Any]
) -> list[str]:
    """A batch of `translate_sharded`, in one of its processes."""
    if device == "cpu":
        import torch

        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    return translate_all(load_once(name, device), jobs, batch, options, quiet=True)


@functools.cache
def load_once(name: str, device: str) -> Any:
    return load_for(name, device)


def translate_batch(
    model: Any,
    targets: list[Path],
    reads: list[Future[np.ndarray]],
    jobs: dict[Path, Path],
    options: Mapping[str, Any],
) -> Iterator[tuple[Path, Image.Image | str]]:
    """A batch of `translate_all`; picture by picture if one of them does not fit the model, or not all at once do."""
    import torch

    arrays = {}
    for target, read in zip(targets, reads, strict=True):
        try:
            arrays[target] = read.result()
        except ZooError as error:
            yield target, str(error)
    try:
        yield from zip(arrays, model.translate(list(arrays.values()), **options), strict=True)
    except (ZooError, torch.cuda.OutOfMemoryError):
        for target, array in arrays.items():
            try:
                yield target, model.translate(array, **options)
            except ZooError as error:
                yield target, f"{jobs[target]}: {str(error).removeprefix('picture: ')}"
            except torch.cuda.OutOfMemoryError:
                yield target, f"{jobs[target]}: too large for the memory of {model.device}; work at a smaller --size."
