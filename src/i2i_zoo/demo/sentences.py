"""What visitors read where something went wrong: sentences of the page, which name no place on this machine."""

from __future__ import annotations

import html
import logging
import os
import re
import tempfile
from pathlib import Path

from i2i_zoo.errors import ZooError

_log = logging.getLogger(__name__)

_FOLDERS = sorted({str(Path.home()), str(Path.cwd()), tempfile.gettempdir(), str(Path(__file__).parents[1])}, key=len)


def sentence(error: Exception) -> str:
    """What to tell a visitor; what is no `ZooError` is logged, for whoever runs the page."""
    if isinstance(error, ZooError):
        return without_folders(str(error))
    _log.error("The page could not do what a visitor asked for.", exc_info=error)
    return "That did not work, and it is not your fault. The log of the page says why."


def without_folders(text: str) -> str:
    """The text with the last part of each path in place of the whole."""
    for folder in reversed(_FOLDERS):
        inside = re.escape(folder.rstrip(os.sep)) + re.escape(os.sep)
        text = re.sub(rf"{inside}(?:[^/\n:'\"]*/)*([^/\n:'\"]+)", r"\1", text)
    return re.sub(r"(?<![\w:./])/(?:[\w.@+-]+/)+([\w.@+-]+)", r"\1", text)


def shown(text: str) -> str:
    """The HTML of a sentence; empty for none."""
    return f'<p role="alert">{html.escape(text)}</p>' if text else ""
