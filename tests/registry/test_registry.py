"""Every entry keeps its promises, and the files of the registry are found by themselves."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from i2i_zoo import info, list_models, registry
from i2i_zoo.convert import parts
from i2i_zoo.convert.build import check_hparams
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.base import Method
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.registry import ENTRIES, METHODS, Entry, method_class, method_name
from i2i_zoo.store.sources import DRIVE

ROOT = Path(__file__).parents[2]
FILES = sorted(path.stem for path in (ROOT / "src/i2i_zoo/registry/entries").glob("*.py") if path.stem != "__init__")


def contract(cls: type[Method]) -> tuple[str, tuple[str, ...]]:
    """What tells methods of one task from those of another."""
    return cls.verb, cls.batch_keys[:2]


@pytest.mark.parametrize("file", FILES)
class TestFile:
    def test_declares_its_method_and_its_checkpoints(self, file: str) -> None:
        module = import_module(f"i2i_zoo.registry.entries.{file}")
        assert module.METHOD.name == file
        assert METHODS[file] is module.METHOD
        assert [ENTRIES[entry.name] for entry in module.ENTRIES] == list(module.ENTRIES)
        assert {entry.method for entry in module.ENTRIES} <= {file}

    def test_method_is_complete(self, file: str) -> None:
        method, cls = METHODS[file], method_class(file)
        assert issubclass(cls, Method)
        assert method_name(cls) == file
        assert method.title
        assert method.paper.startswith("https://")
        assert {other.task for other in METHODS.values() if contract(method_class(other.name)) == contract(cls)} == {
            method.task
        }


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
class TestEntry:
    def test_is_consistent(self, entry: Entry) -> None:
        assert ENTRIES[entry.name] is entry
        assert entry.name == entry.method or entry.name.startswith(f"{entry.method}-")
        assert entry.task == METHODS[entry.method].task
        assert entry.paper == METHODS[entry.method].paper
        assert entry.origin in ("trained", "official")
        assert (entry.origin == "official") == bool(entry.official)
        assert entry.license
        assert entry.license_notice
        assert re.fullmatch(r"[^|\n]+ to [^|\n]+[^.|\n]", entry.description)

    def test_has_weights_that_cannot_change(self, entry: Entry) -> None:
        if entry.weights == "hub":
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.repo)
            assert re.fullmatch(r"[0-9a-f]{40}", entry.revision)
            assert {"config.json", "model.safetensors"} <= set(entry.sha256)
        for digest in entry.sha256.values():
            assert re.fullmatch(r"[0-9a-f]{64}", digest)
        for network, url in entry.official.items():
            assert network in (*method_class(entry.method).inference_networks, *parts(entry.method))
            assert re.fullmatch(r"https?://\S+\.pth", url) or DRIVE.fullmatch(url)

    def test_says_what_its_method_understands(self, entry: Entry) -> None:
        cls = method_class(entry.method)
        check_hparams(cls, entry.hparams, entry.name)
        cls.preprocess_type.from_json(entry.preprocess, entry.name)

    def test_states_the_terms_of_cityscapes(self, entry: Entry) -> None:
        if "Cityscapes" in entry.dataset and entry.license != "cc-by-nc-sa-4.0":
            assert "Cityscapes, whose terms allow no commercial use" in entry.license_notice

    def test_bundled_files_are_there(self, entry: Entry) -> None:
        folder = ROOT / "src/i2i_zoo/checkpoints" / entry.name
        assert folder.is_dir() == entry.bundled
        if entry.bundled:
            assert {"config.json", "model.safetensors"} <= {path.name for path in folder.iterdir()}
            assert sum(path.stat().st_size for path in folder.iterdir()) <= 8e6

    def test_recipe_is_there(self, entry: Entry) -> None:
        assert (ROOT / "recipes" / f"{entry.recipe}.yaml").is_file()
        if entry.recipe_of:
            assert ENTRIES[entry.recipe_of].recipe == entry.recipe
            assert ENTRIES[entry.recipe_of].method == entry.method


def test_no_orphans() -> None:
    folders = {path.name for path in (ROOT / "src/i2i_zoo/checkpoints").iterdir() if path.is_dir()}
    assert folders == {name for name, entry in ENTRIES.items() if entry.bundled}


def test_every_file_is_found_in_alphabetical_order() -> None:
    assert list(METHODS) == FILES
    order = [FILES.index(entry.method) for entry in ENTRIES.values()]
    assert order == sorted(order)


FILE = """
from i2i_zoo.registry import Entry, Method

METHOD = Method(name="{file}", implementation="{file}:Net", title="{file}", task="paired", paper="https://{file}.org")
ENTRIES = (
    Entry(
        name="{entry}", method="{file}", dataset="none", description="dots to lines", license="mit", license_notice="",
        origin="trained",
    ),
)
"""


def test_a_new_file_is_all_that_a_method_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "added_entries"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "zebra.py").write_text(FILE.format(file="zebra", entry="zebra-lines"))
    (folder / "ant.py").write_text(FILE.format(file="ant", entry="ant-lines"))
    methods, entries = registry.collect(import_module("added_entries"))
    assert list(methods) == ["ant", "zebra"]
    assert list(entries) == ["ant-lines", "zebra-lines"]

    for name, method in methods.items():
        monkeypatch.setitem(METHODS, name, method)
    assert entries["ant-lines"].task == "paired"
    assert entries["ant-lines"].paper == "https://ant.org"
    monkeypatch.setitem(ENTRIES, "ant-lines", entries["ant-lines"])
    assert list_models(method="ant", task="paired") == ["ant-lines"]

    (folder / "bee.py").write_text(FILE.format(file="bee", entry="ant-lines"))
    with pytest.raises(ZooError, match=r"bee\.py: a checkpoint called 'ant-lines' already exists"):
        registry.collect(import_module("added_entries"))


def test_list_models() -> None:
    assert list_models() == sorted(ENTRIES)
    names = ["pix2pix-camvid", "pix2pix-camvid-colour", "pix2pix-camvid-photo2labels"]
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
    assert method_class("pix2pix") is Pix2Pix
    with pytest.raises(ZooError, match="No method is called 'torch:load': choose from adain"):
        method_class("torch:load")
    with pytest.raises(ZooError, match="Method has no name to save it under"):
        method_name(Method)
