"""Label maps and instance maps: ids and their colours."""

from __future__ import annotations

import functools
import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError

from .files import _FORMATS, one_frame, pil_array, read_array, refuse_pipe
from .memory import need_picture_memory
from .palettes import PALETTES

#: How far a colour may be from that of a label, as Euclidean distance in RGB from 0 to 255.
NEAR_LABEL = 16

#: The largest share of pixels that may be farther from all labels.  Of CamVid's label maps in the colours of either
#: palette it is 0; 23 % at most as JPEG of quality 75; 31 % if scaled to 64x48 pixels; 52 % with both, and 60 % at
#: quality 50.  CamVid's photographs have 69 % or more; other photographs, also of a page or of the night, 64 %.
FAR_PIXELS = 0.62

#: The largest share of pixels that may have the same one of these colours; beyond it is a label of another palette.  In
#: the maps above, and scaled to twice their size, it is 1.2 % at most; in those of the other palette 15 % or more.
FAR_PIXELS_OF_A_COLOUR = 0.02

#: The largest number of instances for each pixel of a map of colours; photographs have more colours.
MOST_INSTANCES = 0.02


def palette_colours(name: str) -> np.ndarray:
    """The (N, 3) uint8 colours of the palette ``name``; raises `ZooError` for an unknown one."""
    if name not in PALETTES:
        raise ZooError(f"Unknown palette {name!r}: choose from {', '.join(sorted(PALETTES))}.")
    return PALETTES[name]


def check_labels(ids: np.ndarray, name: str, origin: str = "label map") -> np.ndarray:
    """The ids; raises `ZooError` naming ``origin`` if one of them has no colour in the palette ``name``."""
    count = len(palette_colours(name))
    if ids.dtype.kind not in "iub":
        raise ZooError(f"{origin}: label ids are whole numbers, not {ids.dtype}; correct it.")
    if ids.size and (ids.min() < 0 or ids.max() >= count):
        bad = ids.max() if ids.max() >= count else ids.min()
        raise ZooError(
            f"{origin}: label {bad} has no colour in the palette {name!r}, whose labels are 0 to {count - 1}; "
            f"{wrong_ids(ids, count)}: correct it, or give a label map if it is none."
        )
    return ids


def wrong_ids(ids: Any, count: int) -> str:
    """How many pixels of an array or tensor of ids are none of ``count`` labels, in words for a message."""
    share = float(((ids < 0) | (ids >= count)).sum()) / math.prod(ids.shape)
    return f"{percent(share)} of the pixels are no label's"


def percent(share: float) -> str:
    """A share of pixels in words."""
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"


@functools.cache
def colours_near(name: str) -> np.ndarray:
    """Whether a colour is near that of a label, for red, green and blue in steps of 4: (64 * 64 * 64) bool."""
    steps = np.arange(64, dtype=np.int32) * 4 + 2
    near = np.zeros((64, 64, 64), bool)
    for red, green, blue in np.unique(palette_colours(name), axis=0).astype(np.int32):
        squares = [(steps - value) ** 2 for value in (red, green, blue)]
        near |= squares[0][:, None, None] + squares[1][:, None] + squares[2] <= NEAR_LABEL**2
    return near.ravel()


def check_colours(colours: np.ndarray, name: str, origin: str = "label map") -> np.ndarray:
    """The (H, W, 3) colours, as uint8; raises `ZooError` naming ``origin`` if too many are far from those of labels.

    A fourth channel is dropped, as are opaque alpha channels of files.  Mixed colours at soft edges, and those of JPEG
    files, are few enough (see `FAR_PIXELS`).  Of a large map, a grid of pixels is checked.
    """
    if colours.shape[2] not in (3, 4):
        raise ZooError(
            f"{origin}: a label map has ids in one channel or colours in three, not {colours.dtype} of shape "
            f"{colours.shape}."
        )
    colours = colours[..., :3]
    if colours.dtype == np.uint16:
        colours = (colours >> 8).astype(np.uint8)
    elif colours.dtype.kind == "f":
        colours = (colours.clip(0, 1) * 255).round().astype(np.uint8)
    if colours.dtype != np.uint8 or colours.size == 0:
        raise ZooError(f"{origin}: colours of labels are uint8, not {colours.dtype} of shape {colours.shape}.")
    step = math.isqrt(colours.shape[0] * colours.shape[1] // 2**18) + 1
    red, green, blue = colours[::step, ::step].reshape(-1, 3).T.astype(np.int32)
    far = ~colours_near(name)[(red >> 2 << 12) | (green >> 2 << 6) | blue >> 2]
    if far.mean() > FAR_PIXELS_OF_A_COLOUR:
        codes, counts = np.unique((red << 16 | green << 8 | blue)[far], return_counts=True)
        flat = counts.max() > max(FAR_PIXELS_OF_A_COLOUR * len(far), 16)
        if flat or far.mean() > FAR_PIXELS:
            code = int(codes[counts.argmax()])
            raise ZooError(
                f"{origin}: {percent(far.mean())} of the pixels have no colour of the palette {name!r}, as for example "
                f"({code >> 16}, {code >> 8 & 255}, {code & 255}): give a label map in these colours, or of ids."
            )
    return colours


def colour_labels(ids: np.ndarray, name: str, origin: str = "label map") -> np.ndarray:
    """(H, W) label ids to (H, W, 3) uint8 colours; raises as `check_labels`."""
    colours: np.ndarray = palette_colours(name)[check_labels(ids, name, origin)]
    return colours


def label_ids(colours: np.ndarray, name: str) -> np.ndarray:
    """(H, W, 3) uint8 colours to the (H, W) ids of the nearest colours; the exact inverse of `colour_labels`."""
    # A label map has few colours, so each is looked up once.
    codes, where = np.unique(colours.astype(np.int32) @ np.array([65536, 256, 1]), return_inverse=True)
    used = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1)
    distance = ((used[:, None] - palette_colours(name).astype(np.int32)) ** 2).sum(-1)
    ids: np.ndarray = distance.argmin(-1).astype(np.uint8)[where]
    return ids.reshape(colours.shape[:-1])


def one_hot(labels: np.ndarray, name: str, origin: str = "label map") -> Tensor:
    """(H, W) label ids or (H, W, 3) uint8 colours to (N, H, W) uint8: 255 where the label is, else 0."""
    if labels.ndim == 3:
        ids = label_ids(check_colours(labels, name, origin), name)
    else:
        ids = check_labels(labels, name, origin)
    channels = np.arange(len(palette_colours(name)))[:, None, None] == ids
    return torch.from_numpy(channels.astype(np.uint8) * np.uint8(255))


def read_labels(picture: Any, labels: int, palette: str | None = None, dont_care: int | None = None) -> Tensor:
    """A label map as ids (H, W), int64, each in [0, labels).

    Args:
        picture: A path, a PIL image or an array: ids in one channel, or the colours of the palette; or a tensor of ids
            (H, W), which is only checked.  An indexed picture (PNG of mode P) holds ids, unless its colours are those
            of the palette at other indices.  One channel of the palette ``lines`` may be greys.
        labels: Number of labels.
        palette: Name of the colours in `PALETTES`.
        dont_care: The id that means the last label.

    Raises:
        ZooError: If it cannot be read, an id is out of range, or its colours are not those of the palette.
    """
    origin = str(picture) if isinstance(picture, (str, Path)) else "label map"
    array = map_array(picture, origin, palette)
    if palette == "lines" and array.ndim == 2 and array.dtype == np.uint8 and array.size and array.max() >= labels:
        array = np.stack([array] * 3, -1)
    if array.ndim == 3 and array.shape[2] in (3, 4) and palette is not None:
        array = label_ids(check_colours(array, palette, origin), palette)
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


def map_array(picture: Any, origin: str = "", palette: str | None = None) -> np.ndarray:
    """The values of a label or instance map in any form; raises `ZooError` if it cannot be read.

    Messages name the ``origin``, or else the file.
    """
    origin = origin or str(picture)
    if isinstance(picture, Tensor):
        picture = picture.detach().cpu()
        return np.asarray(picture.float() if picture.dtype == torch.bfloat16 else picture)
    if not isinstance(picture, (str, Path, Image.Image)):
        try:
            array = np.asarray(picture)
        except ValueError:
            raise ZooError(f"A {type(picture).__name__} is not a map of ids: give one array (H, W).") from None
        return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    indices = read_indices(picture, origin, palette)
    if indices is not None:
        return indices
    if isinstance(picture, (str, Path)):
        return read_array(picture)
    try:
        return pil_array(picture, origin)
    except ZooError:
        raise
    except (OSError, ValueError, SyntaxError) as error:  # PIL reads some files only now
        raise ZooError(f"{origin}: it cannot be read ({error}); replace its file.") from None


def read_indices(picture: str | Path | Image.Image, origin: str, palette: str | None = None) -> np.ndarray | None:
    """The ids (H, W) in an indexed picture; None for other pictures, which `read_array` reads or rejects.

    Also None if it `is_coloured`: then its colours count.
    """
    try:
        if not isinstance(picture, Image.Image):
            refuse_pipe(Path(picture))
        with (
            nullcontext(picture) if isinstance(picture, Image.Image) else Image.open(picture, formats=_FORMATS)
        ) as opened:
            if opened.mode != "P":
                return None
            one_frame(getattr(opened, "n_frames", 1), origin)
            need_picture_memory((opened.height, opened.width), 2, origin)
            return None if palette is not None and is_coloured(opened, palette) else np.asarray(opened)
    except ZooError:
        raise
    except Exception:  # `read_array` explains the error
        return None


def is_coloured(picture: Image.Image, name: str) -> bool:
    """Whether an indexed picture has the colours of the palette ``name``, but at other indices."""
    colours = palette_colours(name)
    indices, first = np.unique(np.asarray(picture), return_index=True)
    used = np.asarray(picture.convert("RGBA"))[..., :3].reshape(-1, 3)[first]
    if indices.max() < len(colours) and np.array_equal(colours[indices], used):
        return False  # the indices tell labels apart that share a colour
    different = set(map(tuple, used.tolist()))
    return len(different) == len(used) and different <= set(map(tuple, colours.tolist()))


def read_instances(picture: Any) -> Tensor:
    """An instance map as ids (H, W), int64: 8, 16 or 32 bits, or R + 256 G + 65536 B as in COCO's panoptic files.

    Arguments and errors as for `read_labels`, but every id is valid.  Colours of which few repeat are a photograph's.
    """
    origin = str(picture) if isinstance(picture, (str, Path)) else "instance map"
    array = map_array(picture, origin)
    if array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8:
        array = array.astype(np.int64) @ np.array([1, 256, 65536])
        if (count := len(np.unique(array))) > max(256, MOST_INSTANCES * array.size):
            raise ZooError(f"{origin}: {count:,} instances in {array.size:,} pixels: this is no instance map.")
    if array.ndim != 2 or array.dtype.kind not in "iub":
        raise ZooError(f"{origin}: an instance map has ids in one channel, not {array.dtype} of shape {array.shape}.")
    return torch.from_numpy(array.astype(np.int64))


def instance_edges(instance: Tensor) -> Tensor:
    """(B, H, W) ids to (B, 1, H, W) floats: 1 if the pixel to the left, right, above or below is another instance.

    This is the boundary map of pix2pixHD (Wang et al. 2018, sec. 3.3); boundaries are two pixels wide.
    """
    edges = torch.zeros_like(instance, dtype=torch.bool)
    across, along = instance[:, :, 1:] != instance[:, :, :-1], instance[:, 1:] != instance[:, :-1]
    edges[:, :, 1:] |= across
    edges[:, :, :-1] |= across
    edges[:, 1:] |= along
    edges[:, :-1] |= along
    return edges[:, None].float()
