from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from i2i_zoo.cards import (
    FILES,
    TABLES,
    camvid_table,
    models_table,
    percent,
    read_card,
    results_of,
    with_tables,
    write_results,
)
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES
from i2i_zoo.store.card import card_path, gallery_picture, shipped

ROOT = Path(__file__).parents[1]
PAGE = PurePosixPath("docs/page.md")
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


@pytest.mark.parametrize("file", FILES)
def test_the_tables_are_current(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / file).read_text(encoding="utf-8")
    assert text == with_tables(text, PurePosixPath(file)), f"{file} is stale: run python -m i2i_zoo.cards"


def test_every_table_is_on_a_page_and_every_bundled_checkpoint_in_the_gallery() -> None:
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in FILES]
    assert all(any(f"<!-- {name} -->" in text for text in texts) for name in TABLES)
    pictures = {f"docs/gallery/{path.name}" for path in (ROOT / "docs" / "gallery").iterdir()}
    wanted = {gallery_picture(entry)[1] for entry in ENTRIES.values() if entry.bundled}
    assert pictures == wanted, "run python docs/gallery.py"


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


def test_the_table_has_every_checkpoint() -> None:
    header, rule, *rows = models_table(PAGE).splitlines()
    assert [re.match(r"\| \[?`([^`]+)`", row)[1] for row in rows] == sorted(ENTRIES)
    assert len({line.count("|") for line in (header, rule, *rows)}) == 1


def test_the_table_of_camvid_joins_a_methods_directions() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in camvid_table(PAGE).splitlines()]
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
    text = with_tables(old, PAGE)
    assert text == (
        f"before\n<!-- models -->\n{models_table(PAGE)}\n<!-- /models -->\nbetween\n"
        f"<!-- camvid -->\n{camvid_table(PAGE)}\n<!-- /camvid -->\nafter\n"
    )
    assert with_tables(text, PAGE) == text
    with pytest.raises(ZooError, match=r"docs/page\.md has no place for a table: add a line <!-- NAME -->"):
        with_tables("nothing", PAGE)
    with pytest.raises(ZooError, match=r"docs/page\.md: <!-- models --> has no end: add a line <!-- /models -->"):
        with_tables("<!-- models -->\n", PAGE)


def test_the_cards_state_the_numbers_of_other_checkpoints_as_those_do() -> None:
    """Rows such as "| pix2pix-camvid, 256x256 | 73.0 % | 47.0 % | 39.2 % |" in the cards."""
    scores = ("pixel_accuracy", "class_accuracy", "class_iou")
    compared = 0
    for card in shipped("model_cards").glob("*.md"):
        rows = r"^\| ([\w-]+-camvid), \d+x\d+ \| (.*? % \| .*? % \| .*? %) \|"
        for name, cells in re.findall(rows, card.read_text(encoding="utf-8"), re.MULTILINE):
            found = results_of(ENTRIES[name])
            assert cells.split(" | ") == [percent(found[f"fcn_score_{score}"]) for score in scores], card
            compared += 1
    assert compared >= 4
