"""Files of flow: what other programs write is read, and what cannot be used is refused with its reason."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from i2i_zoo.errors import ZooError
from i2i_zoo.media.flow_files import read_flow


def write_flo(path: Path, flow: np.ndarray) -> None:
    """As Middlebury's format says: a tag, width, height, then x and y of each pixel, row by row, little-endian."""
    height, width = flow.shape[1:]
    values = [value for row in range(height) for column in range(width) for value in flow[:, row, column]]
    path.write_bytes(struct.pack(f"<fii{len(values)}f", 202021.25, width, height, *values))


@pytest.fixture
def flow() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)


def test_every_kind_of_file_gives_the_same(tmp_path: Path, flow: np.ndarray) -> None:
    write_flo(tmp_path / "a.flo", flow)
    np.save(tmp_path / "b.npy", flow)
    np.save(tmp_path / "c.npy", flow.transpose(1, 2, 0).astype(np.float64))
    np.savez(tmp_path / "d.npz", flow)
    np.savez_compressed(tmp_path / "e.npz", flow=flow.transpose(1, 2, 0))
    for file in sorted(tmp_path.iterdir()):
        found = read_flow(file)
        assert found.dtype == torch.float32
        np.testing.assert_array_equal(found.numpy(), flow)


def test_what_is_refused(tmp_path: Path, flow: np.ndarray) -> None:
    write_flo(tmp_path / "cut.flo", flow)
    whole = (tmp_path / "cut.flo").read_bytes()
    (tmp_path / "cut.flo").write_bytes(whole[:-4])
    (tmp_path / "other.flo").write_bytes(b"RIFF" + whole[4:])
    (tmp_path / "empty.flo").write_bytes(b"")
    np.savez(tmp_path / "two.npz", flow, flow)
    np.save(tmp_path / "grey.npy", flow[0])
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "grey.npy").read_bytes()[:-4])
    (tmp_path / "text.npz").write_text("no archive")
    flow[0, 1, 1], flow[1, 2, 2] = 1.7e9, np.nan
    write_flo(tmp_path / "unknown.flo", flow)
    reasons = {
        "cut.flo": r"5x3 pixels, which take 132 bytes, and has 128\); write it again",
        "other.flo": "does not begin as a .flo file",
        "empty.flo": "does not begin as a .flo file",
        "two.npz": "it holds 2 arrays, not one",
        "grey.npy": r"not \(3, 5\) of float32",
        "objects.npy": "cannot be read",
        "cut.npy": "cannot be read",
        "text.npz": "cannot be read",
        "missing.flo": "cannot be read",
        "unknown.flo": "the flow of 2 pixels is not known",
    }
    for name, reason in reasons.items():
        with pytest.raises(ZooError, match=f"{name}.*{reason}"):
            read_flow(tmp_path / name)
