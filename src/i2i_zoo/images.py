"""Pictures to tensors and back: PIL images, arrays and paths; label palettes; Lab; padding.

A picture tensor is float32 (C, H, W), in [-1, 1], RGB.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo import memory
from i2i_zoo.errors import ZooError

#: Files that are taken for pictures when a folder is listed.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".npy")

# What Pillow may decode.  It knows more, and some of those run other programs (EPS).
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")

#: Colours of label ids, by dataset: id i has colour number i.
PALETTES: dict[str, np.ndarray] = {
    # Brostow et al. (2009), the usual 11 classes and void: sky, building, pole, road, pavement, tree, sign, fence, car,
    # pedestrian, bicyclist, void.
    "camvid": np.array(
        [
            (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
            (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 0),
        ],
        np.uint8,
    ),
    # Cityscapes' ``_labelIds`` 0 to 33, and the licence plate last (cityscapesScripts' labels.py).
    "cityscapes": np.array(
        [
            (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (111, 74, 0), (81, 0, 81), (128, 64, 128),
            (244, 35, 232), (250, 170, 160), (230, 150, 140), (70, 70, 70), (102, 102, 156), (190, 153, 153),
            (180, 165, 180), (150, 100, 100), (150, 120, 90), (153, 153, 153), (153, 153, 153), (250, 170, 30),
            (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142),
            (0, 0, 70), (0, 60, 100), (0, 0, 90), (0, 0, 110), (0, 80, 100), (0, 0, 230), (119, 11, 32), (0, 0, 142),
        ],
        np.uint8,
    ),
}  # fmt: skip

#: Names of the labels of a palette, by id.
LABELS: dict[str, tuple[str, ...]] = {
    "camvid": (
        *("sky", "building", "pole", "road", "pavement", "tree"),
        *("sign", "fence", "car", "pedestrian", "bicyclist", "void"),
    ),
    "cityscapes": (
        *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "road"),
        *("sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail", "bridge", "tunnel", "pole"),
        *("polegroup", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car"),
        *("truck", "bus", "caravan", "trailer", "train", "motorcycle", "bicycle", "license plate"),
    ),
}


def palette(name: str) -> np.ndarray:
    """The (N, 3) uint8 colours of the palette ``name``; raises `ZooError` for an unknown one."""
    if name not in PALETTES:
        raise ZooError(f"Unknown palette {name!r}: choose from {', '.join(sorted(PALETTES))}.")
    return PALETTES[name]


def check_labels(ids: np.ndarray, name: str, origin: str = "label map") -> np.ndarray:
    """The ids; raises `ZooError` naming ``origin`` if one of them has no colour in the palette ``name``."""
    count = len(palette(name))
    if ids.size and (ids.min() < 0 or ids.max() >= count):
        bad = ids.max() if ids.max() >= count else ids.min()
        raise ZooError(
            f"{origin}: label {bad} has no colour in the palette {name!r}, whose labels are 0 to {count - 1}; "
            "correct it."
        )
    return ids


def colour_labels(ids: np.ndarray, name: str, origin: str = "label map") -> np.ndarray:
    """(H, W) label ids to (H, W, 3) uint8 colours; raises as `check_labels`."""
    return palette(name)[check_labels(ids, name, origin)]


def label_ids(colours: np.ndarray, name: str) -> np.ndarray:
    """(H, W, 3) uint8 colours to the (H, W) ids of the nearest colours; exact on what `colour_labels` gives."""
    # A label map has few colours, so each is looked for once.
    codes, where = np.unique(colours.astype(np.int32) @ np.array([65536, 256, 1]), return_inverse=True)
    used = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1)
    distance = ((used[:, None] - palette(name).astype(np.int32)) ** 2).sum(-1)
    return distance.argmin(-1).astype(np.uint8)[where].reshape(colours.shape[:-1])


def one_hot(labels: np.ndarray, name: str, origin: str = "label map") -> Tensor:
    """(H, W) label ids or (H, W, 3) uint8 colours to (N, H, W) uint8: 255 where the label is, else 0."""
    ids = label_ids(labels, name) if labels.ndim == 3 else check_labels(labels, name, origin)
    channels = np.arange(len(palette(name)))[:, None, None] == ids
    return torch.from_numpy(channels.astype(np.uint8) * np.uint8(255))


def read_labels(picture: Any, labels: int, palette: str | None = None, dont_care: int | None = None) -> Tensor:
    """A label map as ids (H, W), int64, each in [0, labels).

    Args:
        picture: A path, a PIL image or an array: ids in one channel, or the colours of the palette; or a tensor of ids
            (H, W), which is checked alone.  An indexed picture (PNG of mode P) holds ids, unless the colours that it
            uses are different ones of the palette, at other indices than there.
        labels: How many labels there are.
        palette: Name in `PALETTES` of the colours.
        dont_care: The id that stands for the last label.

    Raises:
        ZooError: If it cannot be read, or an id is out of range: with the file, the value and what to do.
    """
    origin = str(picture) if isinstance(picture, (str, Path)) else "label map"
    array = map_array(picture, origin, palette)
    if array.ndim == 3 and array.shape[2] in (3, 4) and palette is not None:
        array = label_ids(array[..., :3], palette)
    if array.ndim != 2 or array.dtype.kind not in "iub" or array.size == 0:
        colours = "" if palette else "; for colours, say which palette they are of"
        raise ZooError(
            f"{origin}: a label map has ids in one channel, not {array.dtype} of shape {array.shape}{colours}."
        )
    ids = torch.from_numpy(array.astype(np.int64))
    if dont_care is not None:
        ids = torch.where(ids == dont_care, labels - 1, ids)
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= labels:
        bad = high if high >= labels else low
        hint = "" if dont_care is not None or bad != 255 else ", or set dont_care to 255 if it means that"
        raise ZooError(f"{origin}: label {bad} is not among 0 to {labels - 1}; correct it, or set labels{hint}.")
    return ids


def map_array(picture: Any, origin: str, palette: str | None = None) -> np.ndarray:
    """The values of a label or instance map, whatever holds it; raises `ZooError` if it cannot be read."""
    if isinstance(picture, Tensor):
        return picture.cpu().numpy()
    if not isinstance(picture, (str, Path, Image.Image)):
        return np.asarray(picture)
    indices = read_indices(picture, origin, palette)
    if indices is not None:
        return indices
    if isinstance(picture, (str, Path)):
        return read_array(picture)
    try:
        return pil_array(picture, origin)
    except ZooError:
        raise
    except (OSError, ValueError, SyntaxError) as error:  # of a file that PIL reads only now
        raise ZooError(f"{origin}: it cannot be read ({error}); replace its file.") from None


def read_indices(picture: str | Path | Image.Image, origin: str, palette: str | None = None) -> np.ndarray | None:
    """The ids (H, W) that an indexed picture holds; None for any other, which `read_array` reads or refuses.

    Also None if it `is_coloured`, so that its colours are meant.
    """
    try:
        with (
            nullcontext(picture) if isinstance(picture, Image.Image) else Image.open(picture, formats=_FORMATS)
        ) as opened:
            if opened.mode != "P":
                return None
            one_frame(getattr(opened, "n_frames", 1), origin)
            need_memory((opened.height, opened.width), 2, origin)
            return None if palette is not None and is_coloured(opened, palette) else np.asarray(opened)
    except ZooError:
        raise
    except Exception:  # `read_array` says what is wrong
        return None


def is_coloured(picture: Image.Image, name: str) -> bool:
    """Whether an indexed picture uses different colours of the palette ``name``, and at other indices than there."""
    colours = palette(name)
    indices, first = np.unique(np.asarray(picture), return_index=True)
    used = np.asarray(picture.convert("RGB")).reshape(-1, 3)[first]
    if indices.max() < len(colours) and np.array_equal(colours[indices], used):
        return False  # the indices tell labels apart that share a colour
    different = set(map(tuple, used.tolist()))
    return len(different) == len(used) and different <= set(map(tuple, colours.tolist()))


def read_instances(picture: Any) -> Tensor:
    """An instance map as ids (H, W), int64: of 8, 16 or 32 bits, or R + 256 G + 65536 B as COCO's panoptic files.

    Args and raises as `read_labels`, except that any id is good.
    """
    origin = str(picture) if isinstance(picture, (str, Path)) else "instance map"
    array = map_array(picture, origin)
    if array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8:
        array = array.astype(np.int64) @ np.array([1, 256, 65536])
    if array.ndim != 2 or array.dtype.kind not in "iub":
        raise ZooError(f"{origin}: an instance map has ids in one channel, not {array.dtype} of shape {array.shape}.")
    return torch.from_numpy(array.astype(np.int64))


def instance_edges(instance: Tensor) -> Tensor:
    """(B, H, W) ids to (B, 1, H, W) floats: 1 where a neighbour to the left, right, above or below is another instance.

    The boundary map of pix2pixHD (Wang et al. 2018, sec. 3.3), two pixels wide.
    """
    edges = torch.zeros_like(instance, dtype=torch.bool)
    across, along = instance[:, :, 1:] != instance[:, :, :-1], instance[:, 1:] != instance[:, :-1]
    edges[:, :, 1:] |= across
    edges[:, :, :-1] |= across
    edges[:, 1:] |= along
    edges[:, :-1] |= along
    return edges[:, None].float()


def find(folder: Path, endings: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """The files below a folder whose names end so (in any case), sorted; hidden ones are no data.

    Raises `ZooError` if it, or a folder below it, is not there or cannot be read.
    """
    found = []
    try:
        for parent, _, names in os.walk(folder, onerror=_raise):
            # ._x.jpg is what macOS leaves beside x.jpg.
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

    Multi-channel pictures come as TIFF or ``.npy``.  A JPEG's EXIF rotation is applied, an opaque alpha channel is
    dropped, CMYK becomes RGB by Pillow's formula (255 - C)(255 - K) / 255, without colour profiles.

    Raises `ZooError` if the file is missing, not a picture, or broken; if it has transparent pixels or several frames,
    since which colours are meant is not told; and before it is decoded, if it has more than
    ``2 * PIL.Image.MAX_IMAGE_PIXELS`` pixels or needs more memory than is free.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".npy":
            stored = open_npy(path)
            need_memory(stored.shape, stored.dtype.itemsize, str(path))
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
    except Exception as error:  # decoders raise what they happen to raise
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ZooError(f"{path}: the picture cannot be read ({why}); replace the file.") from None


def open_npy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file without reading its contents; one that claims more than the file holds fails."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


def read_tiff(path: Path) -> np.ndarray:
    """The pixels of a TIFF file that Pillow cannot read as they are: many channels, or 16-bit colour."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        one_frame(len(file.series), str(path))
        series = file.series[0]
        if Image.MAX_IMAGE_PIXELS and prod(series.shape[:2]) > 2 * Image.MAX_IMAGE_PIXELS:
            raise Image.DecompressionBombError  # as Pillow does
        need_memory(series.shape, series.dtype.itemsize, str(path))
        return series.asarray()


def need_memory(shape: Sequence[int], itemsize: int, origin: str) -> None:
    """Raise `ZooError` if a picture of this shape cannot be held, decoded and as floats."""
    if prod(shape) > 2**20:  # smaller ones are not worth asking the system
        extent = "x".join(map(str, shape))
        memory.need(
            prod(shape) * (itemsize + 4), f"{origin}: the picture of {extent} values", "scale it down or cut it up"
        )


def one_frame(frames: int, origin: str) -> None:
    """Raise `ZooError` for an animation or several pages."""
    if frames > 1:
        raise ZooError(f"{origin}: the file holds {frames} pictures; save the one that is meant as a file of its own.")


def is_deep_colour(picture: Image.Image) -> bool:
    """Whether this is a TIFF file of 16-bit colour, which Pillow would cut down to 8 bits."""
    if picture.mode != "RGB" or not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return False
    return max(picture.tag_v2[TiffImagePlugin.BITSPERSAMPLE]) > 8


def is_whole(path: Path) -> bool:
    """Whether a file begins as a picture and ends as one: a cheap check that finds text, empty and cut-off files."""
    endings = {b"\x89PNG": b"IEND\xaeB`\x82", b"\xff\xd8\xff": b"\xff\xd9"}
    try:
        with open(path, "rb") as file:
            first = file.read(4)
            ending = next((end for start, end in endings.items() if first.startswith(start)), None)
            if ending is not None:
                # Some cameras write a little more behind the end.
                file.seek(max(0, path.stat().st_size - 65536))
                return ending in file.read()
        return read_array(path).size > 0
    except (OSError, ZooError):
        return False


def height_width(path: Path) -> tuple[int, int]:
    """The size of a picture that `is_whole`, from the file's header where that tells it; `ZooError` as `read_array`."""
    if path.suffix.lower() in (".npy", ".tif", ".tiff"):
        height, width = (*read_array(path).shape, 0, 0)[:2]
        return height, width
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) >= 5
            width, height = reversed(picture.size) if turned else picture.size
            return height, width
    except Exception:  # `read_array` says what is wrong
        height, width = read_array(path).shape[:2]
        return height, width


def pil_array(picture: Image.Image, origin: str = "picture") -> np.ndarray:
    """The pixels of a PIL image: (H, W) for grey, 16-bit and 32-bit ones, (H, W, 3) RGB otherwise.

    Raises `ZooError` as `read_array` for transparency, several frames and too little memory.
    """
    if getattr(picture, "format", None) != "MPO":  # a telephone's JPEG with a preview behind it
        one_frame(getattr(picture, "n_frames", 1), origin)
    need_memory((picture.height, picture.width, 3), 2, origin)
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data and picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise ZooError(f"{origin}: the picture has transparent pixels; lay it on a background of one colour.")
    if picture.mode in ("L", "F") or picture.mode.startswith("I"):
        array = np.asarray(picture)
        return (
            array.astype(np.uint16) if array.dtype == np.int32 and array.min() >= 0 and array.max() < 65536 else array
        )
    return np.asarray(picture.convert("L" if picture.mode in ("1", "LA") else "RGB"))


def decode(picture: Any, channels: int = 3, palette: str | None = None) -> Tensor:
    """A picture as a tensor (channels, H, W): uint8 where the file has 8 bits, else floats in [-1, 1].

    Args and raises as `read`.
    """
    origin = str(picture) if isinstance(picture, (str, Path)) else "picture"
    if isinstance(picture, Tensor):
        if picture.dim() != 3 or picture.shape[0] != channels or 0 in picture.shape or not picture.is_floating_point():
            raise ZooError(
                f"A tensor of shape {tuple(picture.shape)} and type {picture.dtype} was given; "
                f"the model takes floats in [-1, 1] of shape ({channels}, height, width)."
            )
        return picture
    if isinstance(picture, (str, Path)):
        array = read_array(picture)
    elif isinstance(picture, Image.Image):
        try:
            array = pil_array(picture)
        except (OSError, ValueError, SyntaxError) as error:  # of a file that PIL reads only now
            if isinstance(error, ZooError):
                raise
            raise ZooError(f"picture: it cannot be read ({error}); replace its file.") from None
    else:
        array = np.asarray(picture)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ZooError(
            f"{origin}: a picture has the shape (height, width) or (height, width, channels), not {array.shape}."
        )
    if palette is not None and channels == len(PALETTES.get(palette, ())):
        return one_hot(array, palette, origin)
    if palette is not None and array.ndim == 2:
        array = colour_labels(array, palette, origin)
    if array.ndim == 2:
        array = array[..., None]
    return fit_channels(to_tensor(array, origin), channels, origin)


def read(picture: Any, channels: int = 3, palette: str | None = None) -> Tensor:
    """A picture as a float tensor (channels, H, W) in [-1, 1].

    Args:
        picture: A path; a PIL image; an array (H, W) or (H, W, C) of uint8, uint16 (full range) or floats in [0, 1]; or
            a tensor (C, H, W) in [-1, 1], which is returned as it is.
        channels: Channels wanted.  Grey becomes RGB by repetition, RGB grey by luminance (ITU-R 601).
        palette: The picture is a label map: ids if it has a single channel, else this palette's colours.  It comes in
            colours; or, where ``channels`` is the number of labels, as one channel for each label, 1 where it is and
            -1 elsewhere.

    Raises:
        ZooError: If it cannot be read, is out of range or has other channels.
    """
    return to_float(decode(picture, channels, palette))


def to_tensor(array: np.ndarray, origin: str) -> Tensor:
    """(H, W, C) to (C, H, W): uint8 as it is; uint16 and floats in [0, 1] to floats in [-1, 1]; else `ZooError`."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == bool:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8:
        return torch.from_numpy(np.require(array, requirements=["C", "W"])).permute(2, 0, 1)
    if array.dtype == np.uint16:
        return torch.from_numpy(array.astype(np.float32)).permute(2, 0, 1).div(65535 / 2).sub(1)
    if array.dtype.kind not in "iuf":
        raise ZooError(f"{origin}: values of type {array.dtype}; give uint8, uint16, or floats in [0, 1].")
    if array.dtype.kind != "f" or not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ZooError(
            f"{origin}: values of type {array.dtype} from {array.min()} to {array.max()}; "
            "give uint8, uint16, or floats in [0, 1]."
        )
    return torch.from_numpy(array.astype(np.float32)).permute(2, 0, 1).mul(2).sub(1)


def to_float(image: Tensor) -> Tensor:
    """uint8 to floats in [-1, 1], contiguous; floats stay."""
    return (image.float().div_(127.5).sub_(1) if image.dtype == torch.uint8 else image).contiguous()


def fit_channels(image: Tensor, channels: int, origin: str) -> Tensor:
    """(C, H, W) to the wanted number of channels: grey repeated, RGB weighted to luminance; else `ZooError`."""
    if image.shape[0] == channels:
        return image
    if image.shape[0] == 1 and channels == 3:
        return image.expand(3, -1, -1)
    if image.shape[0] == 3 and channels == 1:
        return (to_float(image) * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)
    raise ZooError(f"{origin}: {image.shape[0]} channels, but the model takes {channels}; give a picture of these.")


def to_uint8(image: Tensor) -> Tensor:
    """Floats in [-1, 1] to rounded uint8 of the same shape; what is outside is clipped."""
    return image.detach().float().add(1).mul(127.5).round().clamp(0, 255).byte()


def to_pil(image: Tensor) -> Image.Image:
    """(1 or 3, H, W) in [-1, 1] to a PIL image; raises `ZooError` for channels that a picture has no place for."""
    array = to_uint8(image).cpu().permute(1, 2, 0).numpy()
    if array.shape[2] == 1:
        return Image.fromarray(array[..., 0])
    if array.shape[2] == 3:
        return Image.fromarray(array)
    raise ZooError(f"A result of {array.shape[2]} channels is no picture: give a tensor to get a tensor.")


def save(picture: Image.Image, path: Path) -> None:
    """Write a PNG file that appears whole or not at all; its folder is made.  Raises `ZooError` if that fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            picture.save(partial, "PNG")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ZooError(
            f"{path}: the picture cannot be written ({error.strerror or error}); choose another place."
        ) from None


def resize(image: Tensor, size: int | Sequence[int], nearest: bool = False) -> Tensor:
    """(C, H, W), uint8 or float, to the given (height, width): bicubic with antialiasing as PIL's, or nearest."""
    height, width = (size, size) if isinstance(size, int) else size
    if tuple(image.shape[-2:]) == (height, width):
        return image
    need_memory((height, width, image.shape[0]), 4, "picture")
    if nearest:  # for colours that stand for labels and must not mix
        return F.interpolate(image[None], (height, width), mode="nearest-exact")[0]
    resized = F.interpolate(image[None], (height, width), mode="bicubic", antialias=True)[0]
    return resized if image.dtype == torch.uint8 else resized.clamp(-1, 1)


def resize_shorter(image: Tensor, length: int) -> Tensor:
    """(C, H, W) as `resize`, so that its shorter side has this length."""
    shorter = min(image.shape[-2:])
    return resize(image, [round(side * length / shorter) for side in image.shape[-2:]])


def middle(image: Tensor) -> Tensor:
    """The largest square in the middle of an image (..., H, W)."""
    side = min(image.shape[-2:])
    top, left = ((length - side) // 2 for length in image.shape[-2:])
    return image[..., top : top + side, left : left + side]


def pad_to_stride(image: Tensor, stride: int, smallest: int = 1) -> tuple[Tensor, int, int]:
    """Mirror a batch (..., H, W) at its edges, evenly, to multiples of ``stride`` that are at least ``smallest``.

    Returns the padded batch and where the original begins in it: top, left.  Any size can be mirrored, 1x1 too.
    """
    offsets = []
    for dim in (-2, -1):
        length = image.shape[dim]
        extra = -max(length, smallest) % stride + max(smallest - length, 0)
        offsets.append(extra // 2)
        if extra:
            # A triangle wave of period 2 (length - 1) visits 0, 1, ..., length - 1, ..., 1, 0, 1, ...
            index = torch.arange(-(extra // 2), length + extra - extra // 2, device=image.device)
            period = max(2 * (length - 1), 1)
            index = index % period
            image = image.index_select(dim, torch.minimum(index, period - index).clamp_max(length - 1))
    return image, offsets[0], offsets[1]


# sRGB primaries to XYZ (IEC 61966-2-1) and the white point D65 for the 2 degree observer, as in scikit-image.
_XYZ = torch.tensor([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = torch.tensor([0.95047, 1.0, 1.08883])


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) sRGB in [-1, 1] to CIE Lab as pix2pix scales it: L / 50 - 1, a / 110, b / 110 (authors' code)."""
    rgb = (rgb + 1) / 2
    linear = torch.where(rgb > 0.04045, ((rgb.clamp_min(0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.einsum("ij,bjhw->bihw", _XYZ.to(rgb) / _WHITE.to(rgb)[:, None], linear)
    f = torch.where(xyz > 0.008856, xyz.clamp_min(1e-8) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(1)
    return torch.stack([(116 * y - 16) / 50 - 1, 500 * (x - y) / 110, 200 * (y - z) / 110], 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """The inverse of `rgb_to_lab`; colours outside sRGB are clipped."""
    lightness, a, b = lab.unbind(1)
    y = ((lightness + 1) * 50 + 16) / 116
    f = torch.stack([y + a * 110 / 500, y, (y - b * 110 / 200).clamp_min(0)], 1)
    xyz = torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(_XYZ / _WHITE[:, None]).to(lab), xyz)
    rgb = torch.where(linear > 0.0031308, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return rgb.clamp(0, 1) * 2 - 1


def match_colours(picture: Tensor, target: Tensor) -> Tensor:
    """A picture (3, H, W) with the means, deviations and correlations of another's colours (CORAL; Sun et al. 2016).

    Sums of products, not their means, have the identity added to them, as in AdaIN's PyTorch port.
    """
    colours, _, _ = standardised(picture)
    wanted, wanted_mean, wanted_std = standardised(target)
    eye = torch.eye(3, dtype=colours.dtype, device=colours.device)
    whitened = torch.linalg.solve(square_root(colours @ colours.T + eye), colours)
    matched = square_root(wanted @ wanted.T + eye) @ whitened
    return (matched * wanted_std + wanted_mean).to(picture).view_as(picture)


def standardised(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Colours (C, H W) at mean 0 and deviation 1, and what these were, (C, 1) each; in double precision."""
    colours = picture.cpu().double().flatten(1)
    mean, std = colours.mean(1, keepdim=True), colours.std(1, keepdim=True)
    return (colours - mean) / std.clamp(min=1e-6), mean, std  # a channel may be of one value


def square_root(matrix: Tensor) -> Tensor:
    """Of a symmetric positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
