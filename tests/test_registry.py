"""Every entry keeps its promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from i2i_zoo import info, list_models, registry
from i2i_zoo.convert.build import check_hparams
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.base import Method
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.registry import ENTRIES, METHODS, Entry, method_class
from i2i_zoo.store.sources import DRIVE

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
class TestEntry:
    def test_is_consistent(self, entry: Entry) -> None:
        assert ENTRIES[entry.name] is entry
        assert entry.name == entry.method or entry.name.startswith(f"{entry.method}-")
        assert entry.method in METHODS
        assert entry.origin in ("trained", "official")
        assert (entry.origin == "official") == bool(entry.official)
        assert entry.license
        assert entry.license_notice
        assert entry.paper.startswith("https://")
        assert " in, " in entry.description
        assert entry.description.endswith((" out", " out, and back"))

    def test_has_weights_that_cannot_change(self, entry: Entry) -> None:
        if entry.weights == "hub":
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.repo)
            assert re.fullmatch(r"[0-9a-f]{40}", entry.revision)
            assert {"config.json", "model.safetensors"} <= set(entry.sha256)
        for digest in entry.sha256.values():
            assert re.fullmatch(r"[0-9a-f]{64}", digest)
        for network, url in entry.official.items():
            assert network in method_class(entry.method).inference_networks
            assert re.fullmatch(r"https?://\S+\.pth", url) or DRIVE.fullmatch(url)

    def test_says_what_its_method_understands(self, entry: Entry) -> None:
        cls = method_class(entry.method)
        check_hparams(cls, entry.hparams, entry.name)
        cls.check_preprocess(dict(entry.preprocess), entry.name)
        assert (
            entry.task
            == {"source": "paired", "label": "semantic", "a": "unpaired", "content": "style"}[cls.batch_keys[0]]
        )

    def test_bundled_files_are_there(self, entry: Entry) -> None:
        folder = ROOT / "src/i2i_zoo/checkpoints" / entry.name
        assert folder.is_dir() == entry.bundled
        if entry.bundled:
            assert {"config.json", "model.safetensors"} <= {path.name for path in folder.iterdir()}
            assert sum(path.stat().st_size for path in folder.iterdir()) <= 8e6

    def test_recipe_is_there(self, entry: Entry) -> None:
        assert (ROOT / "recipes" / f"{entry.recipe}.yaml").is_file()
        if entry.like:
            assert ENTRIES[entry.like].recipe == entry.recipe
            assert ENTRIES[entry.like].method == entry.method


def test_no_orphans() -> None:
    folders = {path.name for path in (ROOT / "src/i2i_zoo/checkpoints").iterdir() if path.is_dir()}
    assert folders == {name for name, entry in ENTRIES.items() if entry.bundled}


def test_list_models() -> None:
    assert list_models() == sorted(ENTRIES)
    names = ["pix2pix-camvid", "pix2pix-camvid-photo2labels"]
    assert list_models("*camvid*", task="paired", bundled=True) == names
    assert list_models("*camvid*", bundled=False) == []
    assert list_models(license="bsd-2-clause", method="pix2pix", task="paired") == [
        "pix2pix-day2night",
        "pix2pix-edges2shoes",
        "pix2pix-facades",
        "pix2pix-map2sat",
        "pix2pix-sat2map",
    ]
    assert list_models(task="semantic", license="cc-by-nc-sa-4.0") == ["spade-ade20k", "spade-cityscapes", "spade-coco"]
    assert list_models("*cityscapes", task="semantic", bundled=False) == ["pix2pixhd-cityscapes", "spade-cityscapes"]
    assert list_models("*horse2zebra", task="unpaired") == [
        "cut-fastcut-horse2zebra",
        "cut-horse2zebra",
        "cyclegan-horse2zebra",
    ]
    assert len(list_models(method="cyclegan", license="bsd-2-clause", bundled=False)) == 18
    assert list_models(license="cc-by-nc-sa-4.0", task="unpaired") == [
        "munit-edges2shoes",
        "unit-cat2tiger",
        "unit-corgi2husky",
        "unit-gta2city",
        "unit-synthia2cityscape",
    ]
    assert list_models(task="video") == []


def test_info() -> None:
    assert info("pix2pix-facades").weights == "official"
    assert info("spade-coco").weights == "official"
    assert info("pix2pix-camvid").weights == "bundled"
    assert info("pix2pix-camvid").recipe == "pix2pix/camvid"
    assert info("cyclegan-zebra2horse").recipe == "cyclegan/horse2zebra"
    assert info("cut-fastcut-cat2dog").recipe == "cut/fastcut-horse2zebra"
    with pytest.raises(ZooError, match=r"'pix2pix-facade'; the closest are pix2pix-facades, [a-z0-9-]+, [a-z0-9-]+\."):
        info("pix2pix-facade")


def test_methods_resolve() -> None:
    assert registry.method_class("pix2pix") is Pix2Pix
    for name in METHODS:
        assert issubclass(method_class(name), Method)
        assert registry.method_name(method_class(name)) == name
    with pytest.raises(ZooError, match="No method is called 'torch:load': choose from adain"):
        method_class("torch:load")
    with pytest.raises(ZooError, match="Method has no name to save it under"):
        registry.method_name(Method)
