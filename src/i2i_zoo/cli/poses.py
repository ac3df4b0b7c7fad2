"""``i2i-zoo data poses``: the poses of the persons in pictures and clips, as OpenPose's JSON."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from i2i_zoo.errors import ZooError, printable

from .parser import Parser

HELP = "find the poses of persons in pictures and videos"

#: What OpenPose adds to the name of a picture.
ENDING = "_keypoints.json"


def add_arguments(command: Parser) -> None:
    command.add_argument(
        "source",
        type=Path,
        metavar="FOLDER|VIDEO",
        help="a folder of pictures, a video, a GIF or a picture",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("poses"),
        help="folder for OpenPose's JSON: a file for each picture, one file for a video or GIF [%(default)s]",
    )
    command.add_argument(
        "--estimator",
        metavar="NAME",
        help='mediapipe or keypointrcnn; by default mediapipe (pip install "mediapipe>=1.0") if it is installed',
    )
    command.add_argument("--weights", metavar="FILE", help="the estimator's weights, in place of the authors' file")
    command.add_argument("--device", help="where keypointrcnn runs: cuda, cuda:1, mps or cpu; by default a GPU if any")
    command.add_argument("--overwrite", action="store_true", help="find poses again if the result exists")


def run(args: argparse.Namespace) -> int:
    if args.output.suffix.lower() == ".json" or args.output.is_file():
        raise ZooError(f"-o {args.output}: results are written into a folder, under the names of the inputs; name one.")
    jobs = plan(args.source, args.output)
    todo = {target: source for target, source in jobs.items() if args.overwrite or not target.exists()}
    empty: list[Path] = []
    failures: list[str] = []
    if todo:
        from i2i_zoo.devices import find_device
        from i2i_zoo.media.pose_files import write_poses
        from i2i_zoo.pretrained.pose_estimators import pose_estimator
        from i2i_zoo.pretrained.pose_sources import found_in, frames

        estimator = pose_estimator(args.estimator, args.weights, str(find_device(args.device)))
        for target, source in todo.items():
            try:
                poses = found_in(((source.name, frame) for frame in frames(source)), estimator)
                write_poses(target, poses)
            except ZooError as error:
                failures.append(str(error))
                continue
            if not poses.points[..., 2].any():
                empty.append(source)
    for failure in failures:
        print(f"i2i-zoo: {failure}", file=sys.stderr)
    there = f", {len(jobs) - len(todo)} were there already" if len(jobs) > len(todo) else ""
    nobody = f", nobody was found in {len(empty)} of them such as {empty[0].name}" if empty else ""
    failed = f", {len(failures)} could not be read" if failures else ""
    print(printable(f"{len(todo) - len(failures)} written{there}{nobody}{failed}: {args.output}"))
    return 1 if failures else 0


def plan(source: Path, output: Path) -> dict[Path, Path]:
    """Each file to write to its picture or video; raises `ZooError` if there is none."""
    from i2i_zoo.media.files import find_files

    if not source.is_dir():
        if not source.exists():
            raise ZooError(f"{source}: there is no such file or folder; check the path.")
        return {output / f"{source.stem}{ENDING}": source}
    pictures = [file.relative_to(source) for file in find_files(source)]
    if not pictures:
        raise ZooError(f"{source}: the folder holds no pictures; check the path.")
    count = Counter(picture.with_suffix("") for picture in pictures)
    jobs = {}
    for picture in pictures:
        # x.jpg and x.png in one folder become x.jpg_keypoints.json and x.png_keypoints.json.
        name = picture.stem if count[picture.with_suffix("")] == 1 else picture.name
        jobs[output / picture.with_name(f"{name}{ENDING}")] = source / picture
    return jobs
