"""Files of pictures: finding, checking, reading and writing them."""

from __future__ import annotations

import logging
import os
import re
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError

from .memory import need_picture_memory

#: The suffixes of pictures when a folder is listed.
PICTURE_SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".webp", ".bmp", ".tif", ".tiff", ".gif",
    ".ppm", ".pgm", ".pbm", ".pnm", ".npy",
)  # fmt: skip

#: Folders that computers and programs make among a person's files, for previews, deleted files and the like.
FOREIGN_FOLDERS = {
    "@eadir", "@tmp", "#recycle", "@recycle", "$recycle.bin", "recycler", "recycled", "system volume information",
    "__macosx", "__pycache__", "lost+found", "thumbs.db",
}  # fmt: skip

# The formats that Pillow may decode.  Some of the others run programs (EPS).
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")


# tifffile logs what is odd about a file, line by line; our sentence says whether it can be read.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def find_files(folder: Path, endings: tuple[str, ...] = PICTURE_SUFFIXES) -> list[Path]:
    """The files below a folder with one of these suffixes, in upper or lower case, `in_order`.

    Hidden files and folders are skipped, and `FOREIGN_FOLDERS`.  Raises `ZooError` if the folder, or one below it, is
    missing or cannot be read.
    """
    found = []
    try:
        for parent, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if name[0] != "." and name.lower() not in FOREIGN_FOLDERS]
            # macOS leaves a file ._x.jpg beside x.jpg.
            found += [Path(parent, name) for name in names if name.lower().endswith(endings) and name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        raise ZooError(f"{folder}: there is no such folder; check the path.") from None
    except OSError as error:
        raise ZooError(f"{error.filename}: the folder cannot be read ({error.strerror}); check its rights.") from None
    return sorted((file for file in found if file.is_file()), key=in_order)


def in_order(file: str | Path) -> tuple[Any, str]:
    """What to sort files by: folder by folder, and by name, in which numbers count, so that 2 comes before 10."""
    levels = [re.split(r"(\d+)", level) for level in str(file).split(os.sep)]
    return [[int(part) if number % 2 else part for number, part in enumerate(level)] for level in levels], str(file)


def described(endings: tuple[str, ...]) -> str:
    """Files with these suffixes, in words."""
    return "pictures" if endings == PICTURE_SUFFIXES else f"{' or '.join(endings)} files"


def _raise(error: OSError) -> None:
    raise error


def refuse_pipe(path: Path) -> None:
    """Raise `ZooError` for a pipe or a device, since reading it could take for ever; also for an impossible name."""
    try:
        pipe = path.exists() and not path.is_file() and not path.is_dir()
    except OSError as error:
        raise ZooError(f"{path}: the file cannot be read ({error.strerror}); check the path.") from None
    if pipe:
        raise ZooError(f"{path}: this is a pipe or a device; give a file.")


def read_array(path: str | Path) -> np.ndarray:
    """The pixels of a file: (H, W) or (H, W, C) in uint8, uint16 or float; palette pictures in their colours.

    Pictures of many channels are TIFF or ``.npy`` files.  A JPEG's EXIF rotation is applied, an opaque alpha channel is
    dropped, and CMYK becomes RGB by Pillow's formula (255 - C)(255 - K) / 255, without colour profiles.

    Raises `ZooError` if the file is missing, not a picture or damaged; if it has transparent pixels or several frames,
    because it is unclear which colours count; and before decoding, if it has more than
    ``2 * PIL.Image.MAX_IMAGE_PIXELS`` pixels or needs more memory than is free.
    """
    path = Path(path)
    try:
        refuse_pipe(path)
        if path.suffix.lower() == ".npy":
            return read_npy(path)
        try:
            with Image.open(path, formats=_FORMATS) as picture:
                if not is_deep_colour(picture):
                    return pil_array(picture, str(path))
        except UnidentifiedImageError:
            if path.suffix.lower() not in (".tif", ".tiff"):
                raise
        return read_tiff(path)
    except (ZooError, KeyboardInterrupt):
        raise
    except MemoryError:
        raise ZooError(f"{path}: the picture takes more memory than is free; scale it down or cut it up.") from None
    except UnidentifiedImageError:
        kind = "is empty" if path.stat().st_size == 0 else "is not a picture that can be read"
        raise ZooError(f"{path}: the file {kind}; give a PNG, JPEG, WebP, BMP, TIFF, GIF or .npy file.") from None
    except FileNotFoundError:
        raise ZooError(f"{path}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise ZooError(f"{path}: a picture cannot be read from a folder; name its files.") from None
    except PermissionError:
        raise ZooError(f"{path}: the file cannot be read (Permission denied); check its rights.") from None
    except Image.DecompressionBombError:
        raise ZooError(
            f"{path}: the picture has more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} million pixels; scale it "
            "down, cut it up, or raise PIL.Image.MAX_IMAGE_PIXELS if you trust it."
        ) from None
    except Exception as error:  # decoders raise all kinds of errors
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ZooError(f"{path}: the picture cannot be read ({why}); replace the file.") from None


#: NumPy parses a header as Python, which Python 3.11 cannot do in several threads at once (it raises SystemError).
NPY_HEADER = Lock()


def read_npy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file, read into memory: a file that shrinks while it is mapped would end the process.

    Raises `ValueError` if it is no such file, shorter than its header says, or holds Python objects.
    """
    with open(path, "rb") as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"its format is {version[0]}.{version[1]}, not 1.0 or 2.0")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with NPY_HEADER:
            shape, columns_first, dtype = read_header(file)
        if dtype.hasobject:
            raise ValueError("it holds Python objects, not numbers")
        size = prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or path.stat().st_size - file.tell() < size:
            raise ValueError("the file is shorter than its header says")
        need_picture_memory(shape, dtype.itemsize, str(path))
        data = file.read(size)
    if len(data) < size:
        raise ValueError("the file became shorter while it was read")
    # A copy that can be written to, as torch wants it.
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if columns_first else "C")


def read_tiff(path: Path) -> np.ndarray:
    """The pixels of a TIFF file that Pillow cannot read unchanged: many channels, or 16-bit colour.

    Only its own page is read.  The metadata of some microscopes (OME) say that a series has pages in other files.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        one_frame(len(file.pages), str(path))
        page = file.pages.first
        if page.dtype is None:
            raise ValueError("the type of its pixels is unknown")
        if Image.MAX_IMAGE_PIXELS and prod(page.shape[:2]) > 2 * Image.MAX_IMAGE_PIXELS:
            raise Image.DecompressionBombError  # as Pillow does
        need_picture_memory(page.shape, page.dtype.itemsize, str(path))
        return page.asarray()


def one_frame(frames: int, origin: str) -> None:
    """Raise `ZooError` for an animation or several pages."""
    if frames > 1:
        raise ZooError(f"{origin}: the file holds {frames} pictures; save the one to use as a separate file.")


def is_deep_colour(picture: Image.Image) -> bool:
    """Whether this is a TIFF file of 16-bit colour, which Pillow would reduce to 8 bits."""
    if picture.mode != "RGB" or not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return False
    return any(bits > 8 for bits in picture.tag_v2[TiffImagePlugin.BITSPERSAMPLE])


def is_whole(path: Path) -> bool:
    """Whether a file is surely a whole picture without transparency: a quick look at the parts of a PNG or JPEG file.

    Where this is False, `read_array` decides.
    """
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.has_transparency_data or (picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1):
                return False
            ends = {"PNG": png_ends, "JPEG": jpeg_ends, "MPO": jpeg_ends}.get(picture.format or "")
        if ends is None:
            return False
        with open(path, "rb") as file:
            return ends(file)
    except Exception:  # `read_array` explains the error
        return False


def png_ends(file: BinaryIO) -> bool:
    """Whether the chunks of a PNG file lead to the one that ends it.  What follows does not matter."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        if head[4:] == b"IEND":
            return True
        file.seek(int.from_bytes(head[:4]) + 4, os.SEEK_CUR)  # the data and their check sum
    return False


def jpeg_ends(file: BinaryIO) -> bool:
    """Whether the pixels of a JPEG file have an end; the end of a preview in its header does not count."""
    file.seek(2)
    while (marker := file.read(2))[:1] == b"\xff":
        length = int.from_bytes(file.read(2))
        file.seek(length - 2, os.SEEK_CUR)
        if marker == b"\xff\xda":  # the pixels begin
            begin = file.tell()
            size = file.seek(0, os.SEEK_END)
            file.seek(max(begin, size - 65536))
            return b"\xff\xd9" in file.read()
    return False


def height_width(path: Path) -> tuple[int, int]:
    """The size of a picture that `is_whole`, if possible from its header; raises `ZooError` as `read_array`."""
    if path.suffix.lower() in (".npy", ".tif", ".tiff"):
        height, width = (*read_array(path).shape, 0, 0)[:2]
        return height, width
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) >= 5
            width, height = reversed(picture.size) if turned else picture.size
            return height, width
    except Exception:  # `read_array` explains the error
        height, width = read_array(path).shape[:2]
        return height, width


def pil_array(picture: Image.Image, origin: str = "picture") -> np.ndarray:
    """The pixels of a PIL image: (H, W) for grey, 16-bit and 32-bit ones, (H, W, 3) RGB otherwise.

    Raises `ZooError` as `read_array` for transparency, several frames and too little memory.
    """
    if getattr(picture, "format", None) != "MPO":  # a phone's JPEG with a preview after it
        one_frame(getattr(picture, "n_frames", 1), origin)
    need_picture_memory((picture.height, picture.width, 3), 2, origin)
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        with_alpha = picture.convert("RGBA")
        if with_alpha.getchannel("A").getextrema() != (255, 255):
            raise ZooError(f"{origin}: the picture has transparent pixels; lay it on a background of one colour.")
        if picture.mode == "P":  # Pillow warns where it goes to RGB at once
            picture = with_alpha
    if picture.mode in ("L", "F") or picture.mode.startswith("I"):
        array = np.asarray(picture)
        return (
            array.astype(np.uint16) if array.dtype == np.int32 and array.min() >= 0 and array.max() < 65536 else array
        )
    return np.asarray(picture.convert("L" if picture.mode in ("1", "LA") else "RGB"))


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG file completely or not at all; its folder is made.  Raises `ZooError` if that fails."""
    try:
        with atomic_write(path) as partial:
            picture.save(partial, "PNG")
    except OSError as error:
        raise ZooError(
            f"{path}: the picture cannot be written ({error.strerror or error}); choose another place."
        ) from None
