from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """State dicts by network name to files, as `convert` takes them."""

    def save(**states: Any) -> dict[str, Path]:
        for name, state in states.items():
            torch.save(state, tmp_path / f"{name}.pth")
        return {name: tmp_path / f"{name}.pth" for name in states}

    return save
