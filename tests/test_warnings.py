"""The library leaves Python's warning filters alone: which warnings are shown is for its user to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import importlib, pkgutil, sys, warnings

callers = []

def watched(change):
    def call(*args, **options):
        callers.append(sys._getframe(1).f_globals["__name__"])
        return change(*args, **options)
    return call

for name in ("filterwarnings", "simplefilter", "resetwarnings"):
    setattr(warnings, name, watched(getattr(warnings, name)))

import i2i_zoo

for module in pkgutil.walk_packages(i2i_zoo.__path__, "i2i_zoo."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

# Other packages change the filters when they are imported; ours must not.
assert "lightning.fabric.utilities.warnings" in callers, "the calls are seen"
assert [name for name in callers if name.startswith("i2i_zoo")] == []

import tiny
from i2i_zoo.cli.main import main

filters = list(warnings.filters)
assert main(["fit", *tiny.ARGS]) == 0
assert warnings.filters == filters
"""


@pytest.mark.slow
def test_neither_imports_nor_a_run_change_the_warning_filters(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
