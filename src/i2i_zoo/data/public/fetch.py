"""The datasets of pix2pix, CycleGAN and CUT, fetched from their authors."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from i2i_zoo.errors import ZooError, choices
from i2i_zoo.store.archives import extract
from i2i_zoo.store.downloads import download

#: The authors' server.
ADDRESS = "http://efrosgans.eecs.berkeley.edu"

# Name to contents and origin.  pix2pix's files hold pairs, A left and B right; the others' are of A or of B.
_PIX2PIX = {
    "facades": "photographs (A) and label maps (B) of facades, from the CMP Facade Database",
    "maps": "aerial photographs (A) and maps (B), from Google Maps",
    "edges2shoes": "edges (A) and photographs (B) of shoes, from UT Zappos50K",
    "edges2handbags": "edges (A) and photographs (B) of handbags, from Amazon by way of the iGAN project",
    "night2day": "the same views at night (A) and by day (B), from the Transient Attributes dataset",
}
_CYCLEGAN = {
    "apple2orange": "photographs of apples (A) and navel oranges (B), from ImageNet",
    "horse2zebra": "photographs of wild horses (A) and zebras (B), from ImageNet",
    "summer2winter_yosemite": "photographs of Yosemite in summer (A) and in winter (B), from Flickr",
    "monet2photo": "paintings by Monet (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "cezanne2photo": "paintings by Cézanne (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "ukiyoe2photo": "ukiyo-e prints (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "vangogh2photo": "paintings by Van Gogh (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "ae_photos": "photographs by Alexei Efros, to translate into paintings",
    "iphone2dslr_flower": "flowers as telephones (A) and as reflex cameras (B) show them, from Flickr",
}
_CUT = {
    "grumpifycat": "faces of Russian Blue cats (A), from the Oxford-IIIT Pet Dataset, and of Grumpy Cat (B)",
}


class Archive(NamedTuple):
    """A dataset: its path below `ADDRESS`, what it holds and where that is from, and the method it was made for."""

    path: str
    contents: str
    method: str


#: What `fetch` can get.
DATASETS = {
    **{name: Archive(f"pix2pix/datasets/{name}.tar.gz", contents, "pix2pix") for name, contents in _PIX2PIX.items()},
    **{name: Archive(f"cyclegan/datasets/{name}.zip", contents, "CycleGAN") for name, contents in _CYCLEGAN.items()},
    **{name: Archive(f"cyclegan/datasets/{name}.zip", contents, "CUT") for name, contents in _CUT.items()},
}

TERMS = "It comes without a licence of its own: the terms of where the pictures come from apply; cite that and {}."


def fetch(name: str, root: str | Path, *, keep_archive: bool = False) -> Path:
    """Download a dataset to ``root/name``, unless it is there.

    The terms are printed first.  The next call continues a broken download; the folder appears when it is complete.

    Args:
        name: One of `DATASETS`.
        root: Folder to put the dataset's folder in.
        keep_archive: Leave the archive beside it.

    Returns:
        The dataset's folder.

    Raises:
        ZooError: For an unknown name, a full disk, a failed transfer or a broken or unsafe archive.
    """
    if name not in DATASETS:
        raise ZooError(f"Unknown dataset {name!r}: {choices(name, DATASETS)}.")
    folder = Path(root) / name
    if folder.exists():
        print(f"{folder} is there already; nothing to do.", file=sys.stderr)
        return folder
    path, contents, method = DATASETS[name]
    url, archive = f"{ADDRESS}/{path}", folder.with_name(PurePosixPath(path).name)
    print(f"{name}: {contents}. {TERMS.format(method)}", file=sys.stderr)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"{folder.parent}: the folder cannot be made ({error.strerror}); choose another.") from None
    # Pictures are compressed already: unpacked they need about as much as their archive.
    download(url, archive, unpacked=1.1)
    extract(archive, folder)
    if not keep_archive:
        archive.unlink()
    return folder
