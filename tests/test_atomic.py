"""A file appears whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from i2i_zoo.atomic import atomic_write


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with atomic_write(path) as partial:
        partial.write_text("first")
        assert not path.exists()
    with atomic_write(path) as partial:
        partial.write_text("second")
        assert path.read_text() == "first"
    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def killed() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as alive:
        dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
        with atomic_write(tmp_path / "file") as partial:
            partial.write_text("whole")
        stem = partial.name.rpartition(".")[0]
        for name in (
            f"{stem}.{dead.stdout.strip()}",
            f"{stem}.{2**40}",
            f"{stem}.{alive.pid}",
            f"{stem}.old",
            ".other.1",
        ):
            (tmp_path / name).write_text("half")
        with atomic_write(tmp_path / "file") as partial:
            partial.write_text("whole")
        assert {path.name for path in tmp_path.iterdir()} == {"file", *there}
        alive.communicate(b"\n")


def test_the_longest_name_that_a_file_can_have(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".png")
    with atomic_write(path) as partial:
        partial.write_text("whole")
    assert path.read_text() == "whole"
