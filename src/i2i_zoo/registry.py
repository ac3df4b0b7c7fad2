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
    "adain": "i2i_zoo.methods.adain:AdaIN",
    "cogan": "i2i_zoo.methods.cogan:CoGAN",
    "cut": "i2i_zoo.methods.cut:CUT",
    "cyclegan": "i2i_zoo.methods.cyclegan:CycleGAN",
    "faststyle": "i2i_zoo.methods.faststyle:FastStyle",
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
    #: What kind of translation it is, a name shared by methods: ``paired``, ``semantic``, ``style`` or ``unpaired``.
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
    #: Network name to the address of the authors' file; behind a ``#``, the file within that archive or folder: nothing
    #: where nobody has told its name, and a person must look for it.
    official: Mapping[str, str] = field(default_factory=dict)
    #: Hyper-parameters of an official checkpoint that its tensors do not tell.
    hparams: Mapping[str, Any] = field(default_factory=dict)
    #: The ``preprocess`` of an official checkpoint (see `i2i_zoo.tasks`).
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    #: The checkpoint whose recipe trains this one too, on other data: give it that as ``--data.root``.
    like: str = ""

    @property
    def recipe(self) -> str:
        """The file under ``recipes/`` that trains it, without its ending: ``pix2pix/camvid`` for ``pix2pix-camvid``."""
        return f"{self.method}/{(self.like or self.name).removeprefix(f'{self.method}-')}"

    @property
    def weights(self) -> str:
        """Where the weights are: ``bundled`` with the package, on the ``hub``, or at the authors' (``official``)."""
        if self.bundled:
            return "bundled"
        return "official" if self.official else "hub"


_ADAIN_PAPER = "https://arxiv.org/abs/1703.06868"
_COGAN_PAPER = "https://arxiv.org/abs/1606.07536"
_CUT_PAPER = "https://arxiv.org/abs/2007.15651"
_CYCLEGAN_PAPER = "https://arxiv.org/abs/1703.10593"
_FASTSTYLE_PAPER = "https://arxiv.org/abs/1603.08155"
_GCGAN_PAPER = "https://arxiv.org/abs/1809.05852"
_MUNIT_PAPER = "https://arxiv.org/abs/1804.04732"
_PIX2PIX_PAPER = "https://arxiv.org/abs/1611.07004"
_PIX2PIXHD_PAPER = "https://arxiv.org/abs/1711.11585"
_SPADE_PAPER = "https://arxiv.org/abs/1903.07291"
_UNIT_PAPER = "https://arxiv.org/abs/1703.00848"
_CAMVID_TERMS = (
    "Trained on CamVid (Brostow, Fauqueur, Cipolla 2009), which is offered to researchers with citation and states no "
    "licence."
)
_PIX2PIX_TERMS = (
    "Weights by the authors of pix2pix (Isola, Zhu, Zhou, Efros 2017), whose code is under the BSD licence: "
    "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/LICENSE"
)
_PIX2PIX_WEIGHTS = "http://efrosgans.eecs.berkeley.edu/pix2pix/models-pytorch"
_CYCLEGAN_TERMS = (
    "Weights by the authors of CycleGAN (Zhu, Park, Isola, Efros 2017), whose code is under the BSD licence: "
    "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/LICENSE"
)
_ADAIN_WEIGHTS = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0"
_ADAIN_TERMS = (
    "Weights by the authors of AdaIN (Huang, Belongie 2017), as Naoto Inoue publishes them for PyTorch under the MIT "
    "licence: https://github.com/naoto0804/pytorch-AdaIN/blob/master/LICENSE"
)
_STYLE_TERMS = (
    "Trained on photographs and paintings out of public repositories, some of which are offered for research only; the "
    "card lists them."
)
_CYCLEGAN_WEIGHTS = "http://efrosgans.eecs.berkeley.edu/cyclegan/pretrained_models"
_CUT_TERMS = (
    "Weights by the authors of CUT (Park, Efros, Zhang, Zhu 2020), whose code is under the BSD licence: "
    "https://github.com/taesungp/contrastive-unpaired-translation/blob/master/LICENSE"
)
_CUT_WEIGHTS = "http://efrosgans.eecs.berkeley.edu/CUT/pretrained_models.tar"
_FASTSTYLE_TERMS = (
    "Weights by the contributors of PyTorch's examples (2017), under the BSD licence: "
    "https://github.com/pytorch/examples/blob/main/LICENSE"
)
_FASTSTYLE_WEIGHTS = "https://www.dropbox.com/s/lrvwfehqdcxoza8/saved_models.zip?dl=1"
_GCGAN_TERMS = (
    "Weights by the authors of GcGAN (Fu, Gong, Wang, Batmanghelich, Zhang, Tao 2019), who state no licence and offer "
    "their code for research only: https://github.com/hufu6371/GcGAN"
)
_UNIT_TERMS = (
    "Weights by the authors of UNIT (Liu, Breuel, Kautz 2017), NVIDIA Corporation, under CC BY-NC-SA 4.0: "
    "https://github.com/mingyuliutw/UNIT/blob/master/LICENSE.md"
)
_MUNIT_TERMS = (
    "Weights by the authors of MUNIT (Huang, Liu, Belongie, Kautz 2018), NVIDIA Corporation, under CC BY-NC-SA 4.0: "
    "https://github.com/NVlabs/MUNIT/blob/master/LICENSE.md"
)
_SPADE_TERMS = (
    "Weights by the authors of SPADE (Park, Liu, Wang, Zhu 2019), NVIDIA Corporation, under CC BY-NC-SA 4.0, for "
    "academic research only: https://github.com/NVlabs/SPADE/blob/master/LICENSE.md"
)
_PIX2PIXHD_TERMS = (
    "Weights by the authors of pix2pixHD (Wang, Liu, Zhu, Tao, Kautz, Catanzaro 2018), NVIDIA Corporation, whose code "
    "is under the BSD licence: https://github.com/NVIDIA/pix2pixHD/blob/master/LICENSE.txt"
)
_DRIVE = "https://drive.google.com/uc?id="
_DRIVE_FOLDER = "https://drive.google.com/drive/folders/"


def _terms(terms: str, dataset: str) -> str:
    """The terms of weights, with those of Cityscapes where they were trained on it."""
    of_data = (
        "; trained on Cityscapes, whose terms allow no commercial use: https://www.cityscapes-dataset.com/license/"
    )
    return terms + (of_data if "Cityscapes" in dataset else "")


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


def _cyclegan_official(file: str, dataset: str, description: str, **preprocess: str) -> Entry:
    return Entry(
        name=f"cyclegan-{file}",
        method="cyclegan",
        task="unpaired",
        dataset=dataset,
        description=description,
        license="bsd-2-clause",
        license_notice=_terms(_CYCLEGAN_TERMS, dataset),
        origin="official",
        paper=_CYCLEGAN_PAPER,
        official={"generator_ab": f"{_CYCLEGAN_WEIGHTS}/{file}.pth"},
        preprocess={"size": [256, 256], **preprocess},
        like="cyclegan-horse2zebra",
    )


def _cut_official(data: str, dataset: str, description: str, **preprocess: str) -> tuple[Entry, Entry]:
    """CUT's checkpoint and FastCUT's."""

    def entry(mode: str, prefix: str, hparams: Mapping[str, Any]) -> Entry:
        return Entry(
            name=f"cut-{prefix}{data}",
            method="cut",
            task="unpaired",
            dataset=dataset,
            description=description,
            license="bsd-2-clause",
            license_notice=_terms(_CUT_TERMS, dataset),
            origin="official",
            paper=_CUT_PAPER,
            official={"generator_ab": f"{_CUT_WEIGHTS}#{data}_{mode}_pretrained/latest_net_G.pth"},
            hparams=hparams,
            preprocess={"size": [256, 256], **preprocess},
            like=f"cut-{prefix}horse2zebra",
        )

    fast = {"lambda_nce": 10.0, "nce_identity": False, "flip_equivariance": True, "epochs": 150, "decay_epochs": 50}
    return entry("cut", "", {}), entry("fastcut", "fastcut-", fast)


def _faststyle_official(style: str, description: str) -> Entry:
    return Entry(
        name=f"faststyle-{style.replace('_', '-')}",
        method="faststyle",
        task="style",
        dataset="COCO 2014",
        description=description,
        license="bsd-3-clause",
        license_notice=_FASTSTYLE_TERMS,
        origin="official",
        paper=_FASTSTYLE_PAPER,
        official={"generator": f"{_FASTSTYLE_WEIGHTS}#saved_models/{style}.pth"},
        like="faststyle-mosaic",
    )


def _faststyle_strokes(name: str, description: str) -> Entry:
    return Entry(
        name=name,
        method="faststyle",
        task="style",
        dataset="photographs and paintings",
        description=description,
        license="other",
        license_notice=_STYLE_TERMS,
        origin="trained",
        paper=_FASTSTYLE_PAPER,
        bundled=True,
    )


def _unit_official(
    data: str,
    drive: str,
    dataset: str,
    description: str,
    hparams: Mapping[str, Any],
    size: tuple[int, int],
    like: str = "",
) -> Entry:
    return Entry(
        name=f"unit-{data}",
        method="unit",
        task="unpaired",
        dataset=dataset,
        description=description,
        license="cc-by-nc-sa-4.0",
        license_notice=_terms(_UNIT_TERMS, dataset),
        origin="official",
        paper=_UNIT_PAPER,
        official={"autoencoder": f"{_DRIVE}{drive}"},
        hparams=hparams,
        preprocess={"size": list(size)},
        like=like,
    )


ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name="adain",
            method="adain",
            task="style",
            dataset="COCO and WikiArt",
            description="photograph and a picture of any style in, the photograph in that style out",
            license="mit",
            license_notice=_ADAIN_TERMS,
            origin="official",
            paper=_ADAIN_PAPER,
            official={"encoder": f"{_ADAIN_WEIGHTS}/vgg_normalised.pth", "decoder": f"{_ADAIN_WEIGHTS}/decoder.pth"},
        ),
        Entry(
            name="adain-small",
            method="adain",
            task="style",
            dataset="photographs and paintings",
            description="photograph and a picture of any style in, the photograph in that style out",
            license="other",
            license_notice=_STYLE_TERMS,
            origin="trained",
            paper=_ADAIN_PAPER,
            bundled=True,
        ),
        _camvid("cogan-camvid", "cogan", "unpaired", _COGAN_PAPER, "label map in, street scene out, and back"),
        _camvid("cyclegan-camvid", "cyclegan", "unpaired", _CYCLEGAN_PAPER, "label map in, street scene out, and back"),
        _camvid("gcgan-camvid", "gcgan", "unpaired", _GCGAN_PAPER, "label map in, street scene out"),
        _camvid("gcgan-camvid-photo2labels", "gcgan", "unpaired", _GCGAN_PAPER, "street scene in, label map out"),
        _camvid("unit-camvid", "unit", "unpaired", _UNIT_PAPER, "label map in, street scene out, and back"),
        Entry(
            name="cogan-digits",
            method="cogan",
            task="unpaired",
            dataset="Generated digits",
            description="digit in, its edges out, and back",
            license="apache-2.0",
            license_notice="Trained on digits that this project draws; under the Apache License 2.0, as its code.",
            origin="trained",
            paper=_COGAN_PAPER,
            bundled=True,
        ),
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
            license_notice=_terms(_PIX2PIXHD_TERMS, "Cityscapes"),
            origin="official",
            paper=_PIX2PIXHD_PAPER,
            official={"generator": f"{_DRIVE}1OR-2aEPHOxZKuoOV34DvQxreqGCSLcW9"},
            hparams={"labels": 35, "edges": True, "enhancers": 1},
            preprocess={"size": [1024, 2048], "source_palette": "cityscapes"},
        ),
        _cyclegan_official("apple2orange", "apple2orange", "photograph of apples in, the same with oranges out"),
        _cyclegan_official("orange2apple", "apple2orange", "photograph of oranges in, the same with apples out"),
        _cyclegan_official(
            "summer2winter_yosemite",
            "summer2winter_yosemite",
            "photograph of Yosemite in summer in, the same in winter out",
        ),
        _cyclegan_official(
            "winter2summer_yosemite",
            "summer2winter_yosemite",
            "photograph of Yosemite in winter in, the same in summer out",
        ),
        _cyclegan_official("horse2zebra", "horse2zebra", "photograph of horses in, the same with zebras out"),
        _cyclegan_official("zebra2horse", "horse2zebra", "photograph of zebras in, the same with horses out"),
        _cyclegan_official("monet2photo", "monet2photo", "painting by Monet in, photograph of its scene out"),
        _cyclegan_official(
            "style_monet", "monet2photo", "photograph of a landscape in, painting of it as by Monet out"
        ),
        _cyclegan_official(
            "style_cezanne", "cezanne2photo", "photograph of a landscape in, painting of it as by Cézanne out"
        ),
        _cyclegan_official("style_ukiyoe", "ukiyoe2photo", "photograph of a landscape in, ukiyo-e print of it out"),
        _cyclegan_official(
            "style_vangogh", "vangogh2photo", "photograph of a landscape in, painting of it as by Van Gogh out"
        ),
        _cyclegan_official("sat2map", "Google Maps", "aerial photograph in, street map out"),
        _cyclegan_official("map2sat", "Google Maps", "street map in, aerial photograph out"),
        _cyclegan_official(
            "cityscapes_photo2label",
            "Cityscapes",
            "photograph of a street in, label map of it out",
            target_palette="cityscapes",
        ),
        _cyclegan_official(
            "cityscapes_label2photo",
            "Cityscapes",
            "label map of a street in, photograph of it out",
            source_palette="cityscapes",
        ),
        _cyclegan_official("facades_photo2label", "CMP Facades", "photograph of a facade in, label map of it out"),
        _cyclegan_official("facades_label2photo", "CMP Facades", "label map of a facade in, photograph of it out"),
        _cyclegan_official(
            "iphone2dslr_flower",
            "iphone2dslr_flower",
            "photograph of flowers by a telephone in, the same with a reflex camera's shallow focus out",
        ),
        *_cut_official(
            "cityscapes",
            "Cityscapes",
            "label map of a street in, photograph of it out",
            source_palette="cityscapes",
        ),
        *_cut_official("horse2zebra", "horse2zebra", "photograph of horses in, the same with zebras out"),
        *_cut_official("cat2dog", "AFHQ", "photograph of a cat's face in, of a dog's in the same pose out"),
        Entry(
            name="gcgan-cityscapes",
            method="gcgan",
            task="unpaired",
            dataset="Cityscapes",
            description="label map of a street in, photograph of it out",
            license="other",
            license_notice=_terms(_GCGAN_TERMS, "Cityscapes"),
            origin="official",
            paper=_GCGAN_PAPER,
            official={"generator_ab": f"{_DRIVE}1k5kDCFLuIgBz9WpC1DZKUbJebd8MREFq#"},
            hparams={"lambda_identity": 3.0},
            preprocess={"size": [144, 144], "source_palette": "cityscapes"},
        ),
        _unit_official(
            "cat2tiger",
            "0BwpOatrZwxK6V1Bwai1GZFQ2Q0k",
            "ImageNet",
            "photograph of a cat's face in, of a tiger's out, and back",
            {"norm": "instance", "discriminator": "separate"},
            (216, 216),
        ),
        _unit_official(
            "corgi2husky",
            "0BwpOatrZwxK6NktUSWZRNE14Ym8",
            "ImageNet",
            "photograph of a corgi's face in, of a husky's out, and back",
            {"norm": "instance", "discriminator": "separate"},
            (216, 216),
            like="unit-cat2tiger",
        ),
        _unit_official(
            "synthia2cityscape",
            "1iTQFpyMmMLPe1eY2q-7g-3b5OSlYqc6X",
            "SYNTHIA and Cityscapes",
            "rendered street in, photograph of it out, and back",
            {"dropout": 0.5, "discriminator": "multiscale"},
            (486, 819),
        ),
        _unit_official(
            "gta2city",
            "1R9MH_p8tDmUsIAjKCu-jgoilWgANfObx",
            "GTA5 and Cityscapes",
            "frame of GTA5 in, photograph of the street out, and back",
            {"lambda_perceptual": 1.0},
            (512, 932),
        ),
        _faststyle_strokes("faststyle-strokes", "photograph in, the same in swirling strokes out"),
        _faststyle_strokes(
            "faststyle-strokes-batch", "photograph in, the same in swirling strokes, with batch norm, out"
        ),
        _faststyle_official("mosaic", "photograph in, the same as a mosaic out"),
        _faststyle_official("candy", "photograph in, the same in bright swirls of colour out"),
        _faststyle_official("rain_princess", "photograph in, painting of it as by Afremov out"),
        _faststyle_official("udnie", "photograph in, painting of it as Picabia's Udnie out"),
        Entry(
            name="munit-edges2shoes",
            method="munit",
            task="unpaired",
            dataset="UT Zappos50K with HED edges",
            description="edges of a shoe in, photographs of the shoe in many styles out, and back",
            license="cc-by-nc-sa-4.0",
            license_notice=_MUNIT_TERMS,
            origin="official",
            paper=_MUNIT_PAPER,
            official={"autoencoder_a": f"{_DRIVE_FOLDER}10IEa7gibOWmQQuJUIUOkh-CV4cm6k8__#edges2shoes.pt"},
            preprocess={"size": [256, 256]},
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
