from __future__ import annotations

from pathlib import Path

import pytest
import torch

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensorflow import read_tensorflow
from tensorflow_files import write_tensorflow

#: The table of a checkpoint of three numbers, a = 0.5, b = 2 and c = 3, as TensorFlow 1 wrote it.
REAL = (
    "00000608011a02080100010b61080112002804350638271f00010d6208011200200428043510fd784f00010d630801120020"
    "08280435efd682c3000000000100000000e415b6bc000000000100000000c0f2a1b000010264004200000000010000000058"
    "b2e9f74708540e00000000000000000000000000000000000000000000000000000000000000000000000057fb808b247547"
    "db"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.ckpt-7.index"


def test_a_file_of_tensorflow(path: Path) -> None:
    path.write_bytes(bytes.fromhex(REAL))
    numbers = torch.tensor([0.5, 2.0, 3.0])
    path.with_name("model.ckpt-7.data-00000-of-00001").write_bytes(numbers.numpy().tobytes())
    assert read_tensorflow(path) == {"a": 0.5, "b": 2.0, "c": 3.0}


def test_names_shapes_and_values(path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    variables = {f"G/Conv_{i}/weights": torch.randn(3, 3, i, 2, generator=random) for i in range(1, 40)}
    variables |= {"G/Conv_1/biases": torch.randn(200, generator=random), "step": torch.tensor(3.0)}
    write_tensorflow(path, variables)
    found = read_tensorflow(path)
    assert found.keys() == variables.keys()
    assert all(torch.equal(found[name], variable) for name, variable in variables.items())


def test_damaged_files_are_refused(path: Path) -> None:
    write_tensorflow(path, {"a": torch.ones(3), "b": torch.ones(2, 2)})
    table, data = path.read_bytes(), path.with_name("model.ckpt-7.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-4])
    with pytest.raises(ZooError, match=r"not a whole checkpoint of TensorFlow \(b is cut off\)"):
        read_tensorflow(path)
    data.unlink()
    with pytest.raises(ZooError, match=r"Cannot read .*data-00000-of-00001.* belong side by side"):
        read_tensorflow(path)
    for wrong in (b"", table[:-1], table[20:], table[:5] + bytes(10) + table[15:]):
        path.write_bytes(wrong)
        with pytest.raises(ZooError, match="TensorFlow"):
            read_tensorflow(path)
    write_tensorflow(path, {})
    with pytest.raises(ZooError, match="holds no variables that are floats"):
        read_tensorflow(path)
