"""What the zoo holds: methods by name, and one `Entry` for each checkpoint.  Data only; standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from i2i_zoo.errors import ZooError

#: Name of a method to the module and class that implement it.
METHODS: dict[str, str] = {
    "cogan": "i2i_zoo.methods.cogan:CoGAN",
    "cut": "i2i_zoo.methods.cut:CUT",
    "cyclegan": "i2i_zoo.methods.cyclegan:CycleGAN",
    "gcgan": "i2i_zoo.methods.gcgan:GcGAN",
    "munit": "i2i_zoo.methods.munit:MUNIT",
    "pix2pix": "i2i_zoo.methods.pix2pix:Pix2Pix",
    "pix2pixhd": "i2i_zoo.methods.pix2pixhd:Pix2PixHD",
    "pix2pixhd_paired": "i2i_zoo.methods.pix2pixhd:Pix2PixHDPaired",
    "spade": "i2i_zoo.methods.spade:SPADE",
    "unit": "i2i_zoo.methods.unit:UNIT",
}


@dataclass(frozen=True)
class Entry:
    """One checkpoint: what it does, under which terms, and where its weights are."""

    name: str
    #: A name of `METHODS`.
    method: str
    #: What kind of translation it is, a name shared by methods: ``paired`` or ``semantic``.
    task: str
    dataset: str
    #: One line: what goes in and what comes out.
    description: str
    #: Identifier of the Hub's list of licences.
    license: str
    #: The terms in one line, shown before an official download.
    license_notice: str
    #: ``trained`` by this project with its `recipe`, or the authors' ``official`` weights.
    origin: str
    paper: str
    #: The files travel inside the package, under ``checkpoints/<name>``.
    bundled: bool = False
    #: Hub repository, and the 40-hex commit that it is pinned to.
    repo: str = ""
    revision: str = ""
    #: File name to the sha256 of its content.
    sha256: Mapping[str, str] = field(default_factory=dict)
    #: Network name to the address of the authors' file; behind a ``#``, the file within that archive.
    official: Mapping[str, str] = field(default_factory=dict)
    #: Hyper-parameters of an official checkpoint that its tensors do not tell.
    hparams: Mapping[str, Any] = field(default_factory=dict)
    #: The ``preprocess`` of an official checkpoint (see `i2i_zoo.tasks`).
    preprocess: Mapping[str, Any] = field(default_factory=dict)

    @property
    def recipe(self) -> str:
        """The file under ``recipes/`` that trains it, without its ending: ``pix2pix/camvid`` for ``pix2pix-camvid``."""
        return f"{self.method}/{self.name.removeprefix(f'{self.method}-')}"

    @property
    def weights(self) -> str:
        """Where the weights are: ``bundled`` with the package, on the ``hub``, or at the authors' (``official``)."""
        if self.bundled:
            return "bundled"
        return "official" if self.official else "hub"


_PIX2PIX_PAPER = "https://arxiv.org/abs/1611.07004"
_PIX2PIXHD_PAPER = "https://arxiv.org/abs/1711.11585"
_SPADE_PAPER = "https://arxiv.org/abs/1903.07291"
_CAMVID_TERMS = (
    "Trained on CamVid (Brostow, Fauqueur, Cipolla 2009), which is offered to researchers with citation and states no "
    "licence."
)
_PIX2PIX_TERMS = (
    "Weights by the authors of pix2pix (Isola, Zhu, Zhou, Efros 2017), whose code is under the BSD licence: "
    "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/LICENSE"
)
_PIX2PIX_WEIGHTS = "http://efrosgans.eecs.berkeley.edu/pix2pix/models-pytorch"
_SPADE_TERMS = (
    "Weights by the authors of SPADE (Park, Liu, Wang, Zhu 2019), NVIDIA Corporation, under CC BY-NC-SA 4.0, for "
    "academic research only: https://github.com/NVlabs/SPADE/blob/master/LICENSE.md"
)
_PIX2PIXHD_TERMS = (
    "Weights by the authors of pix2pixHD (Wang, Liu, Zhu, Tao, Kautz, Catanzaro 2018), NVIDIA Corporation, whose code "
    "is under the BSD licence: https://github.com/NVIDIA/pix2pixHD/blob/master/LICENSE.txt; trained on Cityscapes, "
    "whose terms allow no commercial use: https://www.cityscapes-dataset.com/license/"
)
_DRIVE = "https://drive.google.com/uc?id="


def _camvid(name: str, method: str, task: str, paper: str, description: str) -> Entry:
    return Entry(
        name=name,
        method=method,
        task=task,
        dataset="CamVid",
        description=description,
        license="other",
        license_notice=_CAMVID_TERMS,
        origin="trained",
        paper=paper,
        bundled=True,
    )


def _pix2pix_official(name: str, file: str, dataset: str, description: str) -> Entry:
    return Entry(
        name=name,
        method="pix2pix",
        task="paired",
        dataset=dataset,
        description=description,
        license="bsd-2-clause",
        license_notice=_PIX2PIX_TERMS,
        origin="official",
        paper=_PIX2PIX_PAPER,
        official={"generator": f"{_PIX2PIX_WEIGHTS}/{file}.pth"},
        preprocess={"size": [256, 256]},
    )


def _spade_official(
    data: str, dataset: str, description: str, hparams: Mapping[str, Any], preprocess: Mapping[str, Any]
) -> Entry:
    return Entry(
        name=f"spade-{data}",
        method="spade",
        task="semantic",
        dataset=dataset,
        description=description,
        license="cc-by-nc-sa-4.0",
        license_notice=_SPADE_TERMS,
        origin="official",
        paper=_SPADE_PAPER,
        official={"generator": f"{_DRIVE}12gvlTbMvUcJewQlSEaZdeb2CdOB-b8kQ#{data}_pretrained/latest_net_G.pth"},
        hparams=hparams,
        preprocess=preprocess,
    )


ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        _camvid("pix2pix-camvid", "pix2pix", "paired", _PIX2PIX_PAPER, "label map in, street scene out"),
        _camvid("pix2pix-camvid-photo2labels", "pix2pix", "paired", _PIX2PIX_PAPER, "street scene in, label map out"),
        _camvid("pix2pixhd-camvid", "pix2pixhd", "semantic", _PIX2PIXHD_PAPER, "label map in, street scene out"),
        _camvid("spade-camvid", "spade", "semantic", _SPADE_PAPER, "label map in, street scene out"),
        _pix2pix_official(
            "pix2pix-facades",
            "facades_label2photo",
            "CMP Facades",
            "label map of a building in, photograph of its facade out",
        ),
        _pix2pix_official(
            "pix2pix-edges2shoes",
            "edges2shoes",
            "UT Zappos50K with HED edges",
            "edges of a shoe in, photograph of the shoe out",
        ),
        _pix2pix_official("pix2pix-sat2map", "sat2map", "Google Maps", "aerial photograph in, street map out"),
        _pix2pix_official("pix2pix-map2sat", "map2sat", "Google Maps", "street map in, aerial photograph out"),
        _pix2pix_official(
            "pix2pix-day2night",
            "day2night",
            "Transient Attributes",
            "photograph by day in, the same by night out",
        ),
        _spade_official(
            "cityscapes",
            "Cityscapes",
            "label map of a street in, photograph of it out",
            {"labels": 35, "edges": True, "upsampling": "more"},
            {"size": [256, 512], "source_palette": "cityscapes"},
        ),
        _spade_official(
            "ade20k",
            "ADE20K",
            "label map of a scene in, photograph of it out",
            {"labels": 151, "edges": False, "upsampling": "normal"},
            {"size": [256, 256]},
        ),
        _spade_official(
            "coco",
            "COCO-Stuff",
            "label map of a scene in, photograph of it out",
            {"labels": 183, "edges": True, "upsampling": "normal"},
            {"size": [256, 256], "dont_care": 255},
        ),
        Entry(
            name="pix2pixhd-cityscapes",
            method="pix2pixhd",
            task="semantic",
            dataset="Cityscapes",
            description="label map of a street in, photograph of it out",
            license="bsd",
            license_notice=_PIX2PIXHD_TERMS,
            origin="official",
            paper=_PIX2PIXHD_PAPER,
            official={"generator": f"{_DRIVE}1OR-2aEPHOxZKuoOV34DvQxreqGCSLcW9"},
            hparams={"labels": 35, "edges": True, "enhancers": 1},
            preprocess={"size": [1024, 2048], "source_palette": "cityscapes"},
        ),
    )
}


def suggest(name: str) -> str:
    """The three entries closest to ``name``, for an error message."""
    return ", ".join(difflib.get_close_matches(name, ENTRIES, n=3, cutoff=0.0))


def info(name: str) -> Entry:
    """The entry called ``name``.  Raises `ZooError`, naming the three closest entries, if there is none."""
    if name not in ENTRIES:
        raise ZooError(f"No checkpoint is called {name!r}; the closest are {suggest(name)}.")
    return ENTRIES[name]


def list_models(
    pattern: str = "*",
    *,
    method: str | None = None,
    task: str | None = None,
    license: str | None = None,
    bundled: bool | None = None,
) -> list[str]:
    """Names of the checkpoints, sorted, that match the shell ``pattern`` and every condition that is given."""
    wanted = {"method": method, "task": task, "license": license, "bundled": bundled}
    return sorted(
        name
        for name, entry in ENTRIES.items()
        if fnmatchcase(name, pattern)
        and all(getattr(entry, key) == value for key, value in wanted.items() if value is not None)
    )


def method_class(name: str) -> Any:
    """The class of the method called ``name``.  Raises `ZooError` if there is none.

    The only way from a name to a class: nothing that a file says is imported.
    """
    if name not in METHODS:
        raise ZooError(f"No method is called {name!r}: choose from {', '.join(sorted(METHODS))}.")
    module, _, attribute = METHODS[name].partition(":")
    return getattr(import_module(module), attribute)


def method_name(cls: type) -> str:
    """The name of a method's class.  Raises `ZooError` if the class is not in `METHODS`."""
    home = f"{cls.__module__}:{cls.__qualname__}"
    for name in METHODS:
        if METHODS[name] == home:
            return name
    raise ZooError(f"{cls.__name__} has no name to save it under: give it a row in METHODS of registry.py.")
