from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData

from i2i_zoo.cards import (
    camvid_table,
    card_path,
    models_table,
    percent,
    read_card,
    results_of,
    shipped,
    with_tables,
    write_results,
)
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES
from i2i_zoo.store.format import default_card

ROOT = Path(__file__).parents[1]
CARDS = sorted((ROOT / "model_cards").glob("*.md"))
ENTRY = ENTRIES["pix2pix-facades"]
CARD = """---
# a comment
license: mit
zebra: kept
tags:
- one
model-index:
- name: pix2pix-facades
  results:
  - task:
      type: image-to-image
    dataset:
      name: Other
      type: other
      split: test
    metrics:
    - type: psnr
      value: 1.5
---

# Title

Text with --- dashes and ünïcode.
"""


def check_front_matter(card: ModelCard) -> None:
    """What the Hub asks of a card, and we of ours."""
    data = card.data
    assert data.library_name == "i2i-zoo"
    assert data.pipeline_tag == "image-to-image"
    assert isinstance(data.tags, list)
    assert all(isinstance(tag, str) for tag in data.tags)
    # The client drops a model-index that it cannot read, with a warning alone; this way it raises.
    ModelCardData(**yaml.safe_load(card.content.split("---")[1]), ignore_metadata_errors=False)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_the_cards_are_valid(path: Path) -> None:
    entry, card = ENTRIES[path.stem], read_card(path)
    check_front_matter(card)
    assert card.data.license == entry.license
    if entry.license == "other":
        assert card.data.license_name
    for result in card.data.eval_results or []:
        assert isinstance(result.metric_value, float)
        assert result.source_name
        assert result.source_name.startswith(f"i2i-zoo test {entry.name}")
        assert result.source_url


def test_every_trained_entry_has_a_card() -> None:
    assert {path.stem for path in CARDS} >= {name for name, entry in ENTRIES.items() if entry.origin == "trained"}
    assert card_path(ENTRY).name == "pix2pix-facades.md"


def test_the_readme_has_the_tables() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_tables(readme), "README.md is stale: run python -m i2i_zoo.cards README.md"


def test_numbers_replace_those_of_the_same_split_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    path.write_text(CARD, encoding="utf-8")
    titles = {"psnr": "PSNR (dB)", "ssim": "SSIM"}
    for psnr in (12.0, 13.123456):
        write_results(path, ENTRY, {"psnr": psnr, "ssim": 0.5}, titles=titles, split="test", command="i2i-zoo test x")
    card = read_card(path)
    assert card.text == CARD.split("---\n", 2)[2]
    assert card.data.zebra == "kept"
    assert card.data.license == "mit"
    found = {(r.dataset_name, r.metric_type): (r.metric_value, r.metric_name) for r in card.data.eval_results}
    assert found == {
        ("Other", "psnr"): (1.5, None),
        ("CMP Facades", "psnr"): (13.1235, "PSNR (dB)"),
        ("CMP Facades", "ssim"): (0.5, "SSIM"),
    }
    assert {r.source_name for r in card.data.eval_results if r.dataset_name != "Other"} == {"i2i-zoo test x"}
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_a_card_that_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"nothing\.md: there is no such card"):
        read_card(tmp_path / "nothing.md")
    (tmp_path / "broken.md").write_text("---\nlicense: [mit\n---\n")
    with pytest.raises(ZooError, match=r"broken\.md: the front matter"):
        read_card(tmp_path / "broken.md")


def test_a_checkpoint_of_ones_own_gets_a_card() -> None:
    card = ModelCard(default_card("pix2pix", "Pix2Pix", "translate"))
    check_front_matter(card)
    assert "pix2pix" in card.data.tags
    assert "load(" in card.text


def test_the_table_has_every_checkpoint() -> None:
    header, rule, *rows = models_table().splitlines()
    assert [re.match(r"\| \[?`([^`]+)`", row)[1] for row in rows] == sorted(ENTRIES)
    assert len({line.count("|") for line in (header, rule, *rows)}) == 1


def test_the_table_of_camvid_joins_a_methods_directions() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in camvid_table().splitlines()]
    assert {len(row) for row in rows} == {7}
    (pix2pix,) = [row for row in rows if row[0] == "pix2pix"]
    photo, labels = (
        read_card(card_path(ENTRIES[f"pix2pix-camvid{x}"])).data.eval_results for x in ("", "-photo2labels")
    )
    numbers = {result.metric_type: f"{100 * result.metric_value:.1f} %" for result in [*photo, *labels]}
    parts = ("pixel_accuracy", "class_accuracy", "class_iou")
    assert pix2pix[1:] == [numbers[f"{score}_{part}"] for score in ("fcn_score", "label_score") for part in parts]


def test_the_tables_go_between_their_markers() -> None:
    old = "before\n<!-- models -->\nold\n<!-- /models -->\nbetween\n<!-- camvid -->\n<!-- /camvid -->\nafter\n"
    text = with_tables(old)
    assert text == (
        f"before\n<!-- models -->\n{models_table()}\n<!-- /models -->\nbetween\n"
        f"<!-- camvid -->\n{camvid_table()}\n<!-- /camvid -->\nafter\n"
    )
    assert with_tables(text) == text
    with pytest.raises(ZooError, match="no place for a table: add a line <!-- camvid -->"):
        with_tables("<!-- models -->\n<!-- /models -->")


def test_the_cards_state_the_numbers_of_other_checkpoints_as_the_readme_does() -> None:
    """Rows such as "| pix2pix-camvid, 256x256 | 73.0 % | 47.0 % | 39.2 % |" in cards of other checkpoints."""
    scores = ("pixel_accuracy", "class_accuracy", "class_iou")
    compared = 0
    for card in shipped("model_cards").glob("*.md"):
        for name, cells in re.findall(
            r"^\| (pix2pix-camvid), 256x256 \| (.*? % \| .*? % \| .*? %) \|", card.read_text(), re.M
        ):
            found = results_of(ENTRIES[name])
            assert cells.split(" | ") == [percent(found[f"fcn_score_{score}"]) for score in scores], card
            compared += 1
    assert compared >= 2
