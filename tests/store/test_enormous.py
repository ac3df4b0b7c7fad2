"""A config.json whose numbers are each within range but together enormous is refused soon and in little memory."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from i2i_zoo.convert.build import check_hparams
from i2i_zoo.errors import ZooError
from methods.every import by_method

CODE = """
import sys
import i2i_zoo
from i2i_zoo.errors import ZooError
for folder in sys.argv[1:]:
    for strict in (True, False):
        try:
            i2i_zoo.load(folder, discriminators=True, strict=strict)
        except ZooError as error:
            print(error)
        else:
            sys.exit(f"{folder} was loaded")
# getrusage would also count the peak of the process that started this one.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
assert peak < 3e6, "more than 3 GB"
"""


def largest(method: Any) -> dict[str, Any]:
    """The largest of some whole numbers that each hyper-parameter takes."""
    found: dict[str, Any] = {}
    for name in inspect.signature(method).parameters:
        for value in (10, 256, 16384):
            try:
                check_hparams(method, {name: value})
            except ZooError:
                continue
            found[name] = value
    return found


@pytest.mark.slow
def test_enormous_configs(tmp_path: Path) -> None:
    for name, tester in by_method().items():
        folder = tmp_path / name
        folder.mkdir()
        config = {"method": name, "hparams": largest(tester.method), "preprocess": {}}
        (folder / "config.json").write_text(json.dumps(config))
        for file in ("model", "discriminators"):
            save_file({f"{file}.weight": torch.zeros(1)}, folder / f"{file}.safetensors")
    folders = [str(folder) for folder in tmp_path.iterdir()]
    done = subprocess.run([sys.executable, "-c", CODE, *folders], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2 * len(folders)
