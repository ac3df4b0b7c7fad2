"""What instance norm is for: a stylisation by a network with it, and one with batch norm, as contents lose contrast.

    python benchmarks/contrast.py instance-checkpoint batch-checkpoint photographs --out contrast.png

Both are checkpoints of FastStyle (names or folders), trained alike but for `norm`.  The contrast of each content is
lowered about the mean of its colours.  A line of JSON for each norm and contrast tells how far the results are from
those at full contrast, as the mean absolute difference of values from 0 to 255, and their own contrast (standard
deviation), relative to that of those.  The picture has a row for the contents and one for each norm.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.functional import center_crop

from i2i_zoo import load
from i2i_zoo.callbacks.samples import grid
from i2i_zoo.media.files import find_files, save_picture
from i2i_zoo.media.geometry import resize_shorter
from i2i_zoo.media.pictures import read_picture, to_uint8

CONTRASTS = (1.0, 0.5, 0.25)


def fainter(contents: Tensor, contrast: float) -> Tensor:
    """Pictures (B, 3, H, W) at a share of their contrast."""
    return torch.lerp(contents.mean((2, 3), keepdim=True), contents, contrast)


def measure(results: dict[float, Tensor]) -> dict[float, dict[str, float]]:
    """What is lost at each contrast, of stylised pictures (B, 3, H, W) in [-1, 1]."""
    full = results[1.0]
    return {
        contrast: {
            "difference": round(127.5 * float((result - full).abs().mean()), 3),
            "contrast": round(float((result.std((2, 3)) / full.std((2, 3))).mean()), 4),
        }
        for contrast, result in results.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs=2, help="with instance norm and with batch norm, in any order")
    parser.add_argument("contents", type=Path, help="folder of pictures")
    parser.add_argument("--size", type=int, default=256, help="side of the square in the middle [%(default)s]")
    parser.add_argument("--count", type=int, default=8, help="contents that are measured, at most [%(default)s]")
    parser.add_argument("--shown", type=int, default=2, help="contents in the picture [%(default)s]")
    parser.add_argument("--out", type=Path, default=Path("contrast.png"), help="[%(default)s]")
    args = parser.parse_args()

    files = find_files(args.contents)[: args.count]
    if not files:
        parser.error(f"{args.contents} has no pictures")
    squares = [center_crop(resize_shorter(read_picture(file), args.size), args.size) for file in files]
    contents = {contrast: fainter(torch.stack(squares), contrast) for contrast in CONTRASTS}
    rows = [panels(contents, args.shown)]
    for name in args.checkpoints:
        model: Any = load(name)
        with torch.inference_mode():
            results = {c: torch.cat([model.translator().run(x[None]) for x in batch]) for c, batch in contents.items()}
        for contrast, numbers in measure(results).items():
            print(json.dumps({"norm": model.hparams.norm, "content_contrast": contrast, **numbers}))
        rows.append(panels(results, args.shown))
    save_picture(grid(rows), args.out)


def panels(pictures: dict[float, Tensor], count: int) -> list[Tensor]:
    """The first pictures side by side, each at all contrasts."""
    return [to_uint8(batch[n]) for n in range(min(count, len(pictures[1.0]))) for batch in pictures.values()]


if __name__ == "__main__":
    main()
