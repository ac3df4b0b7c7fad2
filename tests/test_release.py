"""The files of a release agree about its version."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import yaml

from i2i_zoo import __version__

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\S+)$", changelog, re.MULTILINE)
    version, day = releases[0]
    assert citation["version"] == version == __version__
    assert citation["date-released"] == date.fromisoformat(day)
