"""What a visitor may do with a checkpoint, and what it cannot do."""

from __future__ import annotations

import re

from i2i_zoo.errors import ZooError
from i2i_zoo.store.card import UNSTATED, card_text
from i2i_zoo.store.format import CARD
from i2i_zoo.store.sources import locate

from .offers import Offer


def about(offer: Offer) -> str:
    """Markdown: the sections of a checkpoint's card on its limits and its licence."""
    text = card_of(offer)
    shown = [
        f"**{title}.** {found}"
        for title in ("Limits", "Licence")
        if (found := section(text, title)) and not found.startswith(UNSTATED)
    ]
    return "\n\n".join(shown) or "This checkpoint has no card that states its licence and limits."


def card_of(offer: Offer) -> str:
    """The text of the card; empty if there is none."""
    if offer.entry:
        return card_text(offer.entry)
    try:
        path = locate(offer.name)(CARD)
        return path.read_text(encoding="utf-8") if path is not None and path.is_file() else ""
    except (ZooError, UnicodeDecodeError):  # a README.md of another kind
        return ""


def section(text: str, title: str) -> str:
    """A section of a card, without pictures, marks of its parts and links to other files."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    words = re.sub(r"!\[[^\]]*\]\([^)]*\)|<!--.*?-->", "", found[1] if found else "")
    return re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", words).strip()
