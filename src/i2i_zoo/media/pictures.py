"""Pictures to tensors and back.

A picture tensor is float32 (C, H, W), in [-1, 1], RGB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError

from .files import pil_array, read_array
from .labels import check_colours, colour_labels, map_array, one_hot
from .memory import explained_shortage
from .palettes import PALETTES


def decode_picture(picture: Any, channels: int | None = 3, palette: str | None = None) -> Tensor:
    """A picture as a tensor (channels, H, W): uint8 if it has 8 bits, else floats in [-1, 1].

    Arguments and errors as for `read_picture`; with None it has as many channels as the file.
    """
    origin = str(picture) if isinstance(picture, (str, Path)) else "picture"
    if isinstance(picture, Tensor):
        if picture.dim() != 3 or picture.shape[0] != channels or 0 in picture.shape or not picture.is_floating_point():
            raise ZooError(
                f"A tensor of shape {tuple(picture.shape)} and type {picture.dtype} was given; "
                f"the model takes floats in [-1, 1] of shape ({channels}, height, width)."
            )
        check_range(picture)
        return picture
    if palette is not None:
        array = map_array(picture, origin, palette)
    elif isinstance(picture, (str, Path)):
        array = read_array(picture)
    elif isinstance(picture, Image.Image):
        try:
            array = pil_array(picture)
        except (OSError, ValueError, SyntaxError) as error:  # PIL reads some files only now
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
    elif palette is not None:
        check_colours(array, palette, origin)
        array = array[..., :3]
    if array.ndim == 2:
        array = array[..., None]
    with explained_shortage(f"{origin}: the picture", "scale it down or cut it up"):
        tensor = to_tensor(array, origin)
        return tensor if channels is None else fit_channels(tensor, channels, origin)


def read_picture(picture: Any, channels: int = 3, palette: str | None = None) -> Tensor:
    """A picture as a float tensor (channels, H, W) in [-1, 1].

    Args:
        picture: A path; a PIL image; an array (H, W) or (H, W, C) of uint8, uint16 (full range) or floats in [0, 1]; or
            a tensor (C, H, W) in [-1, 1], which is returned as it is.
        channels: Number of channels.  Grey becomes RGB by repetition, RGB becomes grey by luminance (ITU-R 601).
        palette: Name of the colours if the picture is a label map: of ids if it has one channel or is indexed (see
            `read_labels`), else of colours.  The result has colours; or, if ``channels`` is the number of labels, one
            channel for each label, 1 where the label is and -1 elsewhere.

    Raises:
        ZooError: If it cannot be read, is out of range or has another number of channels; or if it should be a label
            map, and its colours are not those of the palette.
    """
    return to_float(decode_picture(picture, channels, palette))


def check_range(picture: Tensor) -> None:
    """Raise `ZooError` for NaN and for values outside [-1, 1], but for a rounding error."""
    low, high = (value.item() for value in picture.detach().aminmax())
    if not (low >= -1.001 and high <= 1.001):  # comparisons with NaN are false
        raise ZooError(
            f"A tensor with values from {low:g} to {high:g} was given; the model takes finite floats in [-1, 1]: "
            "scale or clamp them."
        )


def to_tensor(array: np.ndarray, origin: str) -> Tensor:
    """(H, W, C) to (C, H, W): uint8 stays; uint16 and floats in [0, 1] become floats in [-1, 1]; else `ZooError`."""
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
    """(C, H, W) to ``channels``: grey is repeated, RGB is weighted to luminance; else `ZooError`."""
    if image.shape[0] == channels:
        return image
    if image.shape[0] == 1 and channels == 3:
        return image.expand(3, -1, -1)
    if image.shape[0] == 3 and channels == 1:
        return (to_float(image) * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)
    raise ZooError(f"{origin}: {image.shape[0]} channels, but the model takes {channels}; give a picture of these.")


def to_uint8(image: Tensor) -> Tensor:
    """Floats in [-1, 1] to rounded uint8 of the same shape; values outside are clipped."""
    return image.detach().float().add(1).mul(127.5).round().clamp(0, 255).byte()


def to_pil(image: Tensor) -> Image.Image:
    """(1 or 3, H, W) in [-1, 1] to a PIL image of 8 bits a channel; raises `ZooError` for other numbers of channels."""
    array = to_uint8(image).cpu().permute(1, 2, 0).numpy()
    if array.shape[2] == 1:
        return Image.fromarray(array[..., 0])
    if array.shape[2] == 3:
        return Image.fromarray(array)
    raise ZooError(f"A result of {array.shape[2]} channels is not a picture: give a tensor to get a tensor.")
