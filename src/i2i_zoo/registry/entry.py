"""The two records of the registry, `Method` and `Entry`, and the table of methods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .terms import SPDX
from .uses import USES, Use


@dataclass(frozen=True)
class Method:
    """One method: what it is called, what it does, and which class implements it."""

    #: Its name on the command line and in a checkpoint's ``config.json``.
    name: str
    #: Module and class, such as ``i2i_zoo.methods.adain:AdaIN``.  Imported only when the class is needed.
    implementation: str
    #: Its name as the paper spells it.
    title: str
    #: The kind of translation, such as ``paired``, ``semantic``, ``style`` or ``unpaired``.
    task: str
    #: Address of the paper.
    paper: str
    #: The numbers of a card that tables of checkpoints show, without the direction before them.
    headlines: tuple[str, ...] = ("fcn_score_pixel_accuracy", "label_score_pixel_accuracy", "ssim")
    #: How to cite the paper, in BibTeX.
    citation: str = ""
    #: A key of `USES`, if it is not the task.
    used_as: str = ""

    @property
    def use(self) -> Use:
        """How its models are used; as others that translate pictures, unless `USES` knows better."""
        return USES.get(self.used_as or self.task, USES["paired"])


#: Methods by name.  A plain dict: a test or another package adds a method with ``METHODS[method.name] = method``.
METHODS: dict[str, Method] = {}


@dataclass(frozen=True)
class Entry:
    """One checkpoint: what it does, under which licence, and where its weights are."""

    name: str
    #: A key of `METHODS`.
    method: str
    dataset: str
    #: What goes in and what comes out: "label map to street scene", with "and back" if the model goes both ways.
    description: str
    #: Identifier in the Hub's list of licences.
    license: str
    #: The terms of use in one line, printed before an official download.
    license_notice: str
    #: ``trained`` by this project with its `recipe`, or ``official``, the authors' weights.
    origin: str
    #: The files are part of the package, in ``checkpoints/<name>``.
    bundled: bool = False
    #: Hub repository, and the 40-hex commit that it is pinned to.
    repo: str = ""
    revision: str = ""
    #: File name to the sha256 of its content.
    sha256: Mapping[str, str] = field(default_factory=dict)
    #: Network name to the address of the authors' file.  After a ``#`` comes the file's name in that archive or folder;
    #: nothing after the ``#`` means that the name is unknown, and the user has to look for the file.
    official: Mapping[str, str] = field(default_factory=dict)
    #: Hyper-parameters of an official checkpoint that cannot be read off its tensors.
    hparams: Mapping[str, Any] = field(default_factory=dict)
    #: The ``preprocess`` of an official checkpoint (see `i2i_zoo.tasks`).
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    #: Conditions in the use of its task that this checkpoint does not need.
    left_out: tuple[str, ...] = ()
    #: The checkpoint whose recipe also trains this one, on other data (``--data.root``).  Empty: it has its own recipe.
    recipe_of: str = ""

    @property
    def task(self) -> str:
        """The task of its method."""
        return METHODS[self.method].task

    @property
    def paper(self) -> str:
        """Address of the paper of its method."""
        return METHODS[self.method].paper

    @property
    def both_ways(self) -> bool:
        """Whether it also translates back, from B to A."""
        return self.description.endswith("and back")

    @property
    def license_link(self) -> str:
        """Address of the licence or the terms: the first one that the notice gives, else the licence's text at SPDX."""
        if stated := re.search(r"https?://[^\s;]+[^\s;,.]", self.license_notice):
            return stated[0]
        return f"https://spdx.org/licenses/{SPDX[self.license]}.html" if self.license in SPDX else ""

    @property
    def recipe(self) -> str:
        """The file in ``recipes/`` that trains it, without its ending: ``pix2pix/camvid`` for ``pix2pix-camvid``."""
        return f"{self.method}/{(self.recipe_of or self.name).removeprefix(f'{self.method}-')}"

    @property
    def weights(self) -> str:
        """Where the weights are: ``bundled`` with the package, on the ``hub``, or at the authors' (``official``)."""
        if self.bundled:
            return "bundled"
        return "official" if self.official else "hub"
