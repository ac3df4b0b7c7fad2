"""Files of pictures: finding, checking, reading and writing them."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError

from .memory import need_picture_memory

#: The suffixes of pictures when a folder is listed.
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".npy")


# The formats that Pillow may decode.  Some of the others run programs (EPS).
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")


def find_files(folder: Path, endings: tuple[str, ...] = PICTURE_SUFFIXES) -> list[Path]:
    """The files below a folder with one of these suffixes, in upper or lower case, sorted; hidden files are skipped.

    Raises `ZooError` if the folder, or one below it, is missing or cannot be read.
    """
    found = []
    try:
        for parent, _, names in os.walk(folder, onerror=_raise):
            # macOS leaves a file ._x.jpg beside x.jpg.
            found += [Path(parent, name) for name in names if name.lower().endswith(endings) and name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        raise ZooError(f"{folder}: there is no such folder; check the path.") from None
    except OSError as error:
        raise ZooError(f"{error.filename}: the folder cannot be read ({error.strerror}); check its rights.") from None
    return sorted(file for file in found if file.is_file())


def _raise(error: OSError) -> None:
    raise error


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
        if path.suffix.lower() == ".npy":
            stored = open_npy(path)
            need_picture_memory(stored.shape, stored.dtype.itemsize, str(path))
            return np.array(stored)
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


def open_npy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file, memory-mapped; it fails if the file is shorter than its header says."""
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def read_tiff(path: Path) -> np.ndarray:
    """The pixels of a TIFF file that Pillow cannot read unchanged: many channels, or 16-bit colour."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        one_frame(len(file.series), str(path))
        series = file.series[0]
        if Image.MAX_IMAGE_PIXELS and prod(series.shape[:2]) > 2 * Image.MAX_IMAGE_PIXELS:
            raise Image.DecompressionBombError  # as Pillow does
        need_picture_memory(series.shape, series.dtype.itemsize, str(path))
        return series.asarray()


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
    """Whether a file begins and ends like a picture: a cheap check for text, empty and cut-off files."""
    endings = {b"\x89PNG": b"IEND\xaeB`\x82", b"\xff\xd8\xff": b"\xff\xd9"}
    try:
        with open(path, "rb") as file:
            first = file.read(4)
            ending = next((end for start, end in endings.items() if first.startswith(start)), None)
            if ending is not None:
                # Some cameras write a little more after the end.
                file.seek(max(0, path.stat().st_size - 65536))
                return ending in file.read()
        return read_array(path).size > 0
    except (OSError, ZooError):
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
