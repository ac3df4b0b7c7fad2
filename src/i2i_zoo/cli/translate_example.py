"""``i2i-zoo translate NAME`` without inputs: the example that ships with a checkpoint."""

from __future__ import annotations

import argparse

from i2i_zoo.errors import ZooError, printable
from i2i_zoo.examples import example

from .conditions import load_named, split_conditions


def translate_example(args: argparse.Namespace) -> int:
    """Translate the checkpoint's example, and write the result and, unless it is a clip, both side by side."""
    source = example(args.name)
    if source is None:
        raise ZooError(f"{args.name} ships no example: give pictures, i2i-zoo translate {args.name} PICTURE.")
    from i2i_zoo.callbacks.samples import grid
    from i2i_zoo.media.clips import is_clip, open_clip, save_clip
    from i2i_zoo.media.files import save_picture
    from i2i_zoo.media.geometry import resize
    from i2i_zoo.media.pictures import read_picture, to_pil, to_uint8
    from i2i_zoo.tasks.videos import translate_sources

    model = args.model or load_named(args.name, args.device)
    (shared, own), shipped = split_conditions(args), []
    for condition in model.conditions:
        file = example(args.name, condition.name)
        if condition.name not in args.conditions and file is not None and (condition.required or condition.per_source):
            (own if condition.per_source else shared)[condition.name] = str(file)
            shipped += [file] if file.suffix == ".png" else []
    translator = model.translator(**shared)
    if translator.direction != model.directions[0]:
        raise ZooError(f"{args.name} ships an example of A: give pictures of B to translate with --direction ba.")
    if is_clip(source):
        file = args.output / f"{args.name}.webp"
        save_clip(translate_sources(translator, source, own), file, open_clip(source).rate)
        print(printable(f"{file}  the result"))
        return 0
    read = translator.read(source, **own)
    (result,) = translator.translate_read([read])
    file = args.output / f"{args.name}{translator.suffix}"
    translator.save(result, file)
    print(printable(f"{file}  the result"))
    if translator.suffix == ".png":
        height, width = read.values.shape[-2:]
        shown = [to_pil(translator.show_source(read.values[None])[0])]
        shown += [to_pil(resize(read_picture(file), (height, width))) for file in shipped]
        beside = args.output / f"{args.name}-beside.png"
        save_picture(grid([[to_uint8(read_picture(picture)) for picture in (*shown, result)]]), beside)
        print(printable(f"{beside}  input and result beside each other"))
    return 0
