from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import i2i_zoo.data
from i2i_zoo.data import datamodules


def test_every_datamodule_is_found() -> None:
    found = datamodules()
    assert found.keys() >= {
        "ClipData",
        "DigitsData",
        "PairedData",
        "SemanticData",
        "StyleData",
        "SyntheticPairs",
        "UnpairedData",
    }
    for name, kind in found.items():
        assert kind.__name__ == name
        assert kind.__module__.startswith("i2i_zoo.data.")


@pytest.mark.slow
def test_a_new_one_is_found_without_a_list(tmp_path: Path) -> None:
    """In a process of its own, whose package has one more folder."""
    (tmp_path / "shapes.py").write_text(
        "from i2i_zoo.data.splits import SplitData\n"
        "class ShapesBase(SplitData):\n    '''Without a dataset.'''\n"
        "class Shapes(ShapesBase):\n    preprocess = None\n    def dataset(self, split):\n        return []\n"
    )
    code = (
        "import i2i_zoo.data as data\n"
        f"data.__path__.append({str(tmp_path)!r})\n"
        "found = data.datamodules()\n"
        "assert found['Shapes'].__module__ == 'i2i_zoo.data.shapes', found\n"
        "assert not {'ShapesBase', 'SplitData', 'PictureData'} & set(found), found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": package_root()})


def test_the_package_is_light_to_import() -> None:
    code = "import sys, i2i_zoo.data; assert not {'torch', 'lightning', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": package_root()})


def package_root() -> str:
    return str(Path(i2i_zoo.data.__file__).parents[2])
