"""Every card has all of its parts, its lines of code work, and it can leave for another place with its pictures."""

from __future__ import annotations

import re
import shlex
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.cards import read_card, with_parts
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.examples import example
from i2i_zoo.media.clips import open_clip, save_clip
from i2i_zoo.registry import ENTRIES, METHODS, Entry, method_class
from i2i_zoo.registry.terms import SPDX
from i2i_zoo.store.card import LINK, addressed, card_path, card_text, gallery_picture, movable, own_card
from methods.every import by_method
from servers import Hub

ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "model_cards").glob("*.md"))
PICTURE = b"\x89PNG\r\n\x1a\n"


def sections(text: str) -> dict[str, str]:
    """The sections of a card by their headings, without markers; what comes before the first is under ``""``."""
    body = re.sub(r"<!-- .*? -->\n", "", text.split("\n---\n", 1)[1])
    parts = re.split(r"^## (.+)\n", body, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def local_links(text: str) -> list[str]:
    return [target for _, _, target in LINK.findall(text) if not re.match(r"\w+:|#", target)]


def check_front_matter(text: str) -> ModelCard:
    """What the Hub asks of a card, and we of ours."""
    card = ModelCard(text)
    data = card.data
    assert data.library_name == "i2i-zoo"
    assert data.pipeline_tag in {method.use.pipeline for method in METHODS.values()}
    assert isinstance(data.tags, list)
    assert all(isinstance(tag, str) for tag in data.tags)
    assert data.license in {*SPDX, "other", "unknown", "bsd"}
    if data.license == "other":
        assert data.license_name
    # The client drops a model-index that it cannot read, with a warning alone; this way it raises.
    ModelCardData(**yaml.safe_load(text.split("---")[1]), ignore_metadata_errors=False)
    return card


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda entry: entry.name)
def test_a_card_has_all_parts(entry: Entry) -> None:
    text = card_text(entry)
    card, parts = check_front_matter(text), sections(text)
    assert card.data.license == entry.license
    assert card.data.license_link == entry.license_link
    assert all(parts[heading].strip() for heading in ("Use", "Data", "Limits", "Licence", "Citation"))
    assert text.count(f"\n# {entry.name}\n") == 1
    pictures = [target for shown, _, target in LINK.findall(parts[""]) if shown]
    assert pictures or "There is no picture: " in parts[""]
    assert any(line.startswith("pip install ") for block in blocks(parts["Use"], "sh") for line in block.splitlines())
    assert f"i2i-zoo translate {entry.name}" in parts["Use"] or f"i2i-zoo sample {entry.name}" in parts["Use"]
    assert f'load("{entry.name}")' in parts["Use"]
    assert re.match(r"\n\[`[\w.-]+`\]\(https?://\S+\)\. \S", parts["Licence"])
    (bibtex,) = blocks(parts["Citation"], "bibtex")
    assert re.fullmatch(
        r"@\w+\{\w+,\n  title = \{\{.+\}\},\n  author = \{[^}].*\},\n  \w+ = \{.+\},\n  year = \{(19|20)\d\d\},\n\}\n",
        bibtex,
        re.DOTALL,
    )


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_written_card(path: Path) -> None:
    text, entry = path.read_text(encoding="utf-8"), ENTRIES[path.stem]
    assert text == with_parts(text, entry), f"{path} is stale: run python -m i2i_zoo.cards"
    assert all((path.parent / target.partition("#")[0]).is_file() for target in local_links(text))
    for result in read_card(path).data.eval_results or []:
        assert isinstance(result.metric_value, float)
        assert result.source_name
        assert result.source_name.startswith(f"i2i-zoo test {entry.name}")
        assert result.source_url


def test_every_trained_checkpoint_has_a_written_card() -> None:
    assert {path.stem for path in CARDS} >= {name for name, entry in ENTRIES.items() if entry.origin == "trained"}
    assert card_path(ENTRIES["pix2pix-facades"]).name == "pix2pix-facades.md"


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_citation_and_a_use_that_fits_its_class(name: str) -> None:
    use, cls = METHODS[name].use, method_class(name)
    assert METHODS[name].citation.strip().startswith("@")
    assert bool(use.source) == (cls.verb == "translate")
    assert use.clip == (cls.makes == "clips" or METHODS[name].task == "semantic-clips")
    tester = by_method()[name]
    conditions = {c.name: c for c in tester.method(**tester.tiny).conditions}
    assert {key for key, condition in conditions.items() if condition.required} <= set(use.conditions)
    for key in use.conditions:
        assert conditions[key].option == f"--{key.replace('_', '-')}"


@pytest.mark.parametrize("name", [n for n, e in ENTRIES.items() if e.bundled and METHODS[e.method].use.conditions])
def test_the_use_names_the_conditions_that_the_checkpoint_needs(name: str) -> None:
    entry, conditions = ENTRIES[name], i2i_zoo.load(name).conditions
    needed = {condition.name for condition in conditions if condition.required or condition.per_source}
    shown = METHODS[entry.method].use.conditions
    assert {key for key in shown if key not in entry.left_out} == needed & set(shown)
    use = sections(card_text(entry))["Use"]
    for key in shown:
        assert (f"--{key.replace('_', '-')} " in use) == (f'{key}="' in use) == (key in needed)


@pytest.fixture
def sources(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bundled checkpoint, in a folder with the files that the lines of its card name."""
    monkeypatch.chdir(tmp_path)
    name = request.param
    pictures = ("input.png", "a.png", "labels.png", "photo.jpg", "person.png", "a.jpg")
    named = {
        "": ("dance.json",) if ENTRIES[name].task == "dancer" else pictures,
        "style": ("painting.jpg", "b.jpg"),
        "source_pose": ("person.json",),
        "driving": ("clip.gif",),
    }
    for condition, files in named.items():
        if found := example(name, condition):
            for file in files:
                shutil.copy(found, file)
    if ENTRIES[name].task == "semantic-clips":
        labels = list(open_clip(str(example(name))))
        save_clip(labels, Path("labels"))
        Image.new("RGB", labels[0].size, "grey").save("first.png")
    if ENTRIES[name].both_ways:
        i2i_zoo.load(name).translate("a.png").save("b.png")
    return name


@pytest.mark.slow
@pytest.mark.parametrize("sources", [n for n, e in ENTRIES.items() if e.bundled], indirect=True)
def test_the_lines_of_code_work(sources: str, capsys: pytest.CaptureFixture[str]) -> None:
    use = sections(card_text(ENTRIES[sources]))["Use"].replace("dance.mp4", "dance.json")  # no estimator of poses here
    space: dict[str, object] = {}
    for block in blocks(use, "python"):
        exec(block, space)
    assert Path("output.webp" if METHODS[ENTRIES[sources].method].use.clip else "output.png").is_file()
    commands = [shlex.split(line, comments=True) for block in blocks(use, "sh") for line in block.splitlines()]
    ours = [words[1:] for words in commands if words[0] == "i2i-zoo"]
    assert len(ours) >= 1 + bool(METHODS[ENTRIES[sources].method].use.source)  # the example, and files
    for words in ours:
        assert main(words) == 0, capsys.readouterr().err
    assert list(Path("results").iterdir())


@pytest.mark.parametrize("name", METHODS)
def test_a_model_of_ones_own_gets_a_card(name: str) -> None:
    text = own_card(name, both_ways=False)
    check_front_matter(text)
    parts = sections(text)
    assert all(parts[heading].strip() for heading in ("Use", "Data", "Limits", "Licence", "Citation"))
    assert 'load(".")' in parts["Use"]
    pushed = addressed(text, "org/mine", name, both_ways=False)
    assert 'load("hf:org/mine")' in pushed
    assert re.search(r"i2i-zoo (translate|sample) hf:org/mine ", pushed)
    assert 'load(".")' not in pushed
    assert "folder that holds this file" not in pushed


def test_a_saved_checkpoint_of_the_zoo_keeps_its_card_and_its_pictures(tmp_path: Path) -> None:
    i2i_zoo.save(i2i_zoo.load("pix2pix-edges2emoji"), tmp_path / "saved")
    text = (tmp_path / "saved/README.md").read_text(encoding="utf-8")
    assert check_front_matter(text).data.license == "apache-2.0"
    assert sorted(local_links(text)) == ["edges2emoji.png", "pix2pix-edges2emoji.jpg"]
    for link in local_links(text):
        assert (tmp_path / "saved" / link).read_bytes() in (path.read_bytes() for path in (ROOT / "docs").rglob(link))
    # A second time, where a picture of that name is somebody's: what is there stays.
    (tmp_path / "saved/README.md").unlink()
    (tmp_path / "saved/edges2emoji.png").write_bytes(PICTURE)
    (tmp_path / "saved/pix2pix-edges2emoji.jpg").unlink()
    i2i_zoo.save(i2i_zoo.load("pix2pix-edges2emoji"), tmp_path / "saved")
    assert (tmp_path / "saved/edges2emoji.png").read_bytes() == PICTURE
    assert (tmp_path / "saved/pix2pix-edges2emoji.jpg").stat().st_size > 1000
    assert (tmp_path / "saved/README.md").read_text(encoding="utf-8") == text


def test_a_trained_model_no_longer_has_the_card_of_its_checkpoint(tmp_path: Path) -> None:
    model = i2i_zoo.load("pix2pix-camvid", discriminators=True)
    assert model.checkpoint == "pix2pix-camvid"
    assert i2i_zoo.load("pix2pix-camvid", dropout=False).checkpoint == ""
    assert tiny.model().checkpoint == ""
    plain = tiny.model()
    plain.checkpoint = "pix2pix-camvid"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny.trainer(tmp_path, limit_train_batches=1, limit_val_batches=0).fit(plain, tiny.data())
    assert plain.checkpoint == ""


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_card_in_a_repository(path: Path) -> None:
    """It names the repository wherever it names the checkpoint, and links to nothing that stays behind."""
    entry = ENTRIES[path.stem]
    card = movable(addressed(card_text(entry), "org/copy", entry.method, entry.both_ways), path.parent)
    data = check_front_matter(card.text).data
    assert {result.source_url for result in data.eval_results} == {"https://huggingface.co/org/copy"}
    assert set(local_links(card.text)) == set(card.pictures)
    assert Path(gallery_picture(entry)[1]).name in card.pictures
    assert all(file.is_file() for file in card.pictures.values())
    parts = sections(card.text)
    assert 'load("hf:org/copy")' in parts["Use"]
    assert re.search(r"i2i-zoo (translate|sample) hf:org/copy \S", parts["Use"])
    assert "the example that comes with it" not in parts["Use"], "a repository has no example"
    assert not re.search(rf'load\("{entry.name}"|(translate|demo|--init_from) {entry.name}[\s`]', card.text)


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    yield server
    server.stop()


class TestPush:
    def test_a_checkpoint_of_the_zoo(self, hub: Hub) -> None:
        assert main(["push", "pix2pix-edges2emoji", "org/emoji"]) == 0
        repo = hub.repos["org/emoji"]
        files = repo.commits[repo.head]
        text = files["README.md"].decode()
        assert set(local_links(text)) == {"edges2emoji.png", "pix2pix-edges2emoji.jpg"} <= set(files)
        assert files["edges2emoji.png"] == (ROOT / "docs/edges2emoji.png").read_bytes()
        assert "`i2i-zoo demo hf:org/emoji`" in text
        assert "`--init_from hf:org/emoji`" in text
        assert check_front_matter(text).data.license == "apache-2.0"

    def test_a_folder_with_a_card_of_ones_own(self, hub: Hub, tmp_path: Path) -> None:
        i2i_zoo.save(tiny.model(), tmp_path / "mine")
        card = tmp_path / "mine/README.md"
        more = "![One](shown/one.png) and ![two](../two.png), [notes](notes.md), [paper](https://arxiv.org)\n"
        card.write_text(card.read_text(encoding="utf-8") + more, encoding="utf-8")
        (tmp_path / "mine/shown").mkdir()
        (tmp_path / "mine/shown/one.png").write_bytes(PICTURE)
        (tmp_path / "two.png").write_bytes(PICTURE + b"2")
        assert main(["push", str(tmp_path / "mine"), "org/mine"]) == 0
        repo = hub.repos["org/mine"]
        files = repo.commits[repo.head]
        text = files["README.md"].decode()
        assert text.endswith("![One](shown/one.png) and ![two](two.png), notes, [paper](https://arxiv.org)\n")
        assert (files["shown/one.png"], files["two.png"]) == (PICTURE, PICTURE + b"2")
        assert 'load("hf:org/mine")' in text
        (tmp_path / "two.png").unlink()
        with pytest.raises(ZooError, match=r"The card shows \.\./two\.png, and there is no such file: add it, or take"):
            i2i_zoo.push(tiny.model(), "org/mine", card=card)
        with pytest.raises(ZooError, match=r"none\.md: the card cannot be read \(.*No such file"):
            i2i_zoo.push(tiny.model(), "org/mine", card=tmp_path / "none.md")

    def test_where_a_card_is(self, hub: Hub) -> None:
        i2i_zoo.push(tiny.model(), "org/mine", card="theirs")
        i2i_zoo.push(i2i_zoo.load("pix2pix-edges2emoji"), "org/mine")
        repo = hub.repos["org/mine"]
        assert repo.commits[repo.head]["README.md"] == b"theirs"
        assert not [file for file in repo.commits[repo.head] if file.endswith((".png", ".jpg"))]


def test_pictures_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(folder.encode())
    card = movable("![](../a/x.png) ![](../b/x.png) ![](x.png) ![](../a/x.png)\n", tmp_path / "c")
    assert card.text == "![](x.png) ![](other-x.png) ![](other-other-x.png) ![](x.png)\n"
    assert [path.read_bytes() for path in card.pictures.values()] == [b"a", b"b", b"c"]


def test_the_pictures_of_all_cards_are_in_the_wheel() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = project.partition("[tool.hatch.build.targets.wheel.force-include]\n")[2].partition("\n\n")[0]
    included = dict(re.findall(r'^"(.+)" = "(.+)"$', listed, re.MULTILINE))
    for path in CARDS:
        for picture in movable(path.read_text(encoding="utf-8"), path.parent).pictures.values():
            inside = picture.relative_to(ROOT)
            found = {file: place for file, place in included.items() if inside.is_relative_to(file)}
            assert found == {file: f"i2i_zoo/{file}" for file in found}
            assert found, f"{inside}: add it under [tool.hatch.build.targets.wheel.force-include] in pyproject.toml"
