"""Files as people's computers, telephones and microscopes leave them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from i2i_zoo.data import files as dataset_files
from i2i_zoo.data.files import check_files, find_pictures, match_names
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files, in_order, is_whole, read_array
from i2i_zoo.media.pictures import decode_picture


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8))


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    noise().convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def array_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(noise()))
    return buffer.getvalue()


def with_thumbnail() -> bytes:
    """A JPEG file with a whole JPEG file in its header, as cameras write it."""
    buffer = io.BytesIO()
    noise((16, 12)).save(buffer, "JPEG")
    segment = b"Exif\0\0" + buffer.getvalue()
    data = encoded("JPEG")
    return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + data[2:]


def test_a_listing_leaves_out_what_computers_leave_there(tmp_path: Path) -> None:
    ours = ["a.jfif", "b.JPE", "c.jpg", "deep/d.PNG", "e.tiff"]
    foreign = [
        ".hidden.png", "._c.jpg", ".ipynb_checkpoints/c-checkpoint.jpg", "@eaDir/c.jpg/THUMB.jpg", "__MACOSX/._c.jpg",
        "__MACOSX/c.jpg", ".git/x.png", "$RECYCLE.BIN/x.png", "#recycle/x.png", "deep/.thumbnails/x.png", "Thumbs.db",
        ".DS_Store", "desktop.ini", "notes.txt",
    ]  # fmt: skip
    for name in ours + foreign:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert [str(file.relative_to(tmp_path)) for file in find_files(tmp_path)] == ours
    # A person may name such a folder.
    assert [file.name for file in find_files(tmp_path / "@eaDir")] == ["THUMB.jpg"]


def two_pages() -> bytes:
    return encoded("TIFF", save_all=True, append_images=[noise()])


def transparent(mode: str) -> bytes:
    buffer = io.BytesIO()
    picture = noise().convert(mode)
    picture.putpixel((3, 3), 7 if mode == "P" else (1, 2, 3, 0))
    picture.save(buffer, "PNG", **({"transparency": 7} if mode == "P" else {}))
    return buffer.getvalue()


#: Files, and what is said of them.
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "plain.jpg": (lambda: encoded("JPEG"), ""),
    "progressive.jpg": (lambda: encoded("JPEG", progressive=True), ""),
    "thumbnail.jpg": (with_thumbnail, ""),
    "motion.jpg": (lambda: encoded("JPEG") + b"\0\0\0\x18ftypmp42" + bytes(100_000), ""),
    "a_little_more.jpg": (lambda: encoded("JPEG") + b"SEFT", ""),
    "mpo.jpg": (lambda: encoded("MPO", save_all=True, append_images=[noise((16, 12))]), ""),
    "plain.png": (lambda: encoded("PNG"), ""),
    "more.png": (lambda: encoded("PNG") + bytes(100_000), ""),
    "opaque.png": (lambda: encoded("PNG", mode="RGBA"), ""),
    "cut.jpg": (lambda: encoded("JPEG")[:2000], "truncated"),
    "cut_thumbnail.jpg": (lambda: with_thumbnail()[:-1500], "truncated"),
    "cut.png": (lambda: encoded("PNG")[:2000], "truncated"),
    "two.tif": (two_pages, "holds 2 pictures; save the one to use as a separate file"),
    "text.png": (lambda: b"text", "is not a picture that can be read"),
    "empty.jpg": (lambda: b"", "the file is empty"),
    "alpha.png": (lambda: transparent("RGBA"), "has transparent pixels"),
    "indexed.png": (lambda: transparent("P"), "has transparent pixels"),
    "short.npy": (lambda: array_file()[:999], "shorter than its header says"),
}


@pytest.mark.parametrize("read_first", [1000, 1])
def test_the_check_before_training_agrees_with_the_reader(
    read_first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_files, "FILES_READ", read_first)
    (tmp_path / "first.png").write_bytes(encoded("PNG"))
    for name, (write, part) in FILES.items():
        file = tmp_path / name
        file.write_bytes(write())
        if part == "":
            assert read_array(file).shape == (48, 64, 3), name
            check_files([tmp_path / "first.png", file])
            continue
        assert not is_whole(file)
        with pytest.raises(ZooError) as read:
            read_array(file)
        with pytest.raises(ZooError) as checked:
            check_files([tmp_path / "first.png", file])
        assert part in str(read.value), name
        assert str(read.value).rstrip(".") in str(checked.value)


def test_every_file_has_its_own_reason(tmp_path: Path) -> None:
    bad = [name for name, (_, part) in FILES.items() if part]
    for name in bad:
        (tmp_path / name).write_bytes(FILES[name][0]())
    with pytest.raises(ZooError) as error:
        check_files([tmp_path / name for name in bad])
    assert str(error.value).startswith(f"{len(bad)} files are broken or cannot be used: ")
    assert all(f"{tmp_path / name}: " in str(error.value) and FILES[name][1] in str(error.value) for name in bad[:5])
    assert str(error.value).endswith(f"; and {len(bad) - 5} more.")


def test_names_match_in_both_ways_to_write_an_accent(tmp_path: Path) -> None:
    for folder, name in (("a", "caf\u00e9"), ("b", "cafe\u0301")):
        (tmp_path / folder).mkdir()
        noise().save(tmp_path / folder / f"{name}.png")
    assert list(match_names({"source": tmp_path / "a", "target": tmp_path / "b"})) == ["caf\u00e9"]
    noise().save(tmp_path / "a" / "cafe\u0301.png")
    with pytest.raises(ZooError, match="have the same name"):
        find_pictures(tmp_path / "a")


OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:00000000-0000-0000-0000-000000000001">
<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="64" SizeY="48" SizeC="3" SizeZ="1"
SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="3"/><TiffData IFD="0" PlaneCount="1">
<UUID FileName="../other.tif">urn:uuid:00000000-0000-0000-0000-000000000002</UUID></TiffData></Pixels></Image></OME>"""


def test_a_tiff_file_is_read_from_itself_alone(tmp_path: Path) -> None:
    """The metadata say that its pixels are in another file."""
    (tmp_path / "folder").mkdir()
    other, own = np.full((48, 64, 3), 9999, np.uint16), np.full((48, 64, 3), 5, np.uint16)
    options: dict[str, Any] = {"metadata": None, "photometric": "rgb", "compression": "zlib"}
    tifffile.imwrite(tmp_path / "other.tif", other, **options)
    file = tmp_path / "folder" / "x.tif"
    tifffile.imwrite(file, own, description=OME, **options)
    with tifffile.TiffFile(file) as opened, pytest.warns(UserWarning, match="closed file"):
        assert opened.series[0].asarray().max() == 9999  # so it is a trap
    assert np.array_equal(read_array(file), own)


def test_an_array_is_not_mapped(tmp_path: Path) -> None:
    values = np.arange(48, dtype=np.uint16).reshape(4, 4, 3)
    for stored in (values, np.asfortranarray(values), values.astype(">u2")):
        np.save(tmp_path / "x.npy", stored)
        array = read_array(tmp_path / "x.npy")
        (tmp_path / "x.npy").write_bytes(b"")  # a mapped array would end the process now
        assert np.array_equal(array, values)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    for name in ("x.png", "x.npy", "x.tif"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(ZooError, match="this is a pipe or a device; give a file"):
            read_array(tmp_path / name)
    with pytest.raises(ZooError, match="this is a pipe or a device"):
        read_array("/dev/zero")


def test_a_link_to_itself_and_a_nul(tmp_path: Path) -> None:
    (tmp_path / "x.png").symlink_to("x.png")
    for path in (tmp_path / "x.png", tmp_path / "a\0b.png"):
        with pytest.raises(ZooError) as error:
            read_array(path)
        assert "\0" not in str(error.value)


@pytest.mark.parametrize("palette", [None, "camvid"])
def test_a_pipe_is_refused_as_a_label_map_too(palette: str | None, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ZooError, match="this is a pipe or a device; give a file"):
        decode_picture(tmp_path / "pipe.png", palette=palette)


def test_an_odd_tiff_is_read_without_a_word(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2**16, (8, 8, 3), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    start = int.from_bytes(content[4:8], "little") + 2
    count = int.from_bytes(content[start - 2 : start], "little")
    resolution = next(at for at in range(start, start + 12 * count, 12) if content[at : at + 2] == b"\x28\x01")
    content[resolution + 8] = 99  # no unit of resolution
    (tmp_path / "a.tif").write_bytes(content)
    program = "import sys; from i2i_zoo.media.files import read_array; print(read_array(sys.argv[1]).shape)"
    ended = subprocess.run([sys.executable, "-c", program, tmp_path / "a.tif"], capture_output=True, text=True)
    assert ended.stdout.strip() == "(8, 8, 3)"
    assert ended.stderr == ""


def test_numbers_in_names_count(tmp_path: Path) -> None:
    """Frames are often called 1.png to 12.png; the letters of their names would put 10 before 2."""
    for name in ("a/10.png", "a/9.png", "a/b/1.png", "a/1.png", "a2/x.png", "a10/x.png", "x01.png", "x1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        noise((2, 2)).save(tmp_path / name)
    found = [str(file.relative_to(tmp_path)) for file in find_files(tmp_path)]
    ordered = ["a/1.png", "a/9.png", "a/10.png", "a/b/1.png", "a2/x.png", "a10/x.png", "x01.png", "x1.png"]
    assert found == [str(Path(name)) for name in ordered]
    assert sorted(["f12.png", "", ".", "f2.png"], key=in_order) == ["", ".", "f2.png", "f12.png"]
