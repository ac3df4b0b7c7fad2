"""Whether data fit a model: what a datamodule declares, and what a batch really holds.

Everything is asked of the model, so a new task or method is checked like the others: `Task.batch_keys`,
`Task.example_batch`, `Task.channel_options`, and the ``stride`` and ``smallest`` of its networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .base import Task
from .frames import frame_by_frame

#: Pictures are in [-1, 1]; interpolation and rounding may go beyond that by this much.
SLACK = 0.05


def check_data(model: Task, data: Any, frames: bool = False) -> None:
    """Raise `ZooError` if a datamodule declares other data than the model takes: other keys, or more labels.

    With ``frames``, it may also declare clips of label maps, in the same colours as those of the model.
    """
    name, kind = type(model).__name__, type(data).__name__
    found = getattr(data, "batch_keys", model.batch_keys)
    if frames and frame_by_frame(model, found):
        check_palette(model, data)
    elif missing := [key for key in model.batch_keys if key not in found]:
        remedy = f"give --data.{missing[0]}" if kind == model.data_class else f"use --data {model.data_class}"
        raise ZooError(
            f"{name} works on batches of {joined(model.batch_keys)}, and {kind} gives {joined(found)}: {remedy}."
        )
    labels, declared = model.hparams.get("labels"), getattr(data, "labels", None)
    if isinstance(labels, int) and isinstance(declared, int) and declared > labels:
        raise ZooError(
            f"{name} has labels={labels}, and {kind} has labels={declared}: use --model.labels {declared}, or "
            f"--data.labels {labels}."
        )


def check_palette(model: Task, data: Any) -> None:
    """Raise `ZooError` if a model's label maps and those of clips have different palettes."""
    ours, theirs = (each.source_palette or each.target_palette for each in (model.preprocess, data.preprocess))
    if ours and theirs and ours != theirs:
        raise ZooError(
            f"{type(model).__name__} knows the labels of {ours}, and {type(data).__name__} has those of {theirs}: "
            "choose other data."
        )


def check_batch(model: Task, batch: Any, keys: Sequence[str]) -> None:
    """Raise `ZooError` if a batch lacks one of the keys, or holds other channels, sizes or values than the model takes.

    Args:
        model: The model.
        batch: What the loader gave.
        keys: The keys that are needed; others are checked if they are there.
    """
    name = type(model).__name__
    if not isinstance(batch, Mapping):
        what = f"a {type(batch).__name__} of {len(batch)}" if isinstance(batch, (list, tuple)) else type(batch).__name__
        raise ZooError(
            f"{name} takes batches that are dicts with {joined(keys)}, and the loader gives {what}: let each item of "
            "the dataset be such a dict."
        )
    if missing := [key for key in keys if not isinstance(batch.get(key), Tensor)]:
        raise ZooError(
            f"{name} takes batches with the tensors {joined(keys)}, and the loader gives {joined(batch) or 'none'}: "
            f"let each item of the dataset have {joined(missing)}, as {model.data_class} does."
        )
    present = [key for key in model.batch_keys if isinstance(batch.get(key), Tensor)]
    first = batch[present[0]]
    with torch.random.fork_rng(devices=[]):  # the run draws the same numbers with and without this check
        example = model.example_batch(1, *(first.shape[-2:] if first.dim() > 1 else (1, 1)))
    for key in present:
        check_shape(model, key, batch[key], example[key])
    floats = [key for key in present if example[key].dim() >= 4 and example[key].is_floating_point()]
    pictures = [key for key in floats if key not in model.point_keys]  # and clips
    check_channels(model, *({key: each[key].shape[-3] for key in pictures} for each in (batch, example)))
    for key in present:
        check_values(model, key, batch[key], example[key])
    check_aligned(model, {key: batch[key] for key in present})
    if "video" in present:
        check_lengths(model, batch)
        check_flow(model, batch)
    check_counts(model, {key: len(found) for key, found in batch.items() if isinstance(found, Tensor) and found.dim()})


def check_shape(model: Task, key: str, found: Tensor, wanted: Tensor) -> None:
    """Raise `ZooError` for a tensor of a batch with another number of dimensions than the example's."""
    name = type(model).__name__
    if key in model.point_keys and (found.dim(), found.shape[-2:]) != (wanted.dim(), wanted.shape[-2:]):
        time = "T, " if wanted.dim() == 4 else ""
        shape = f"(B, {time}{', '.join(map(str, wanted.shape[-2:]))})"
        raise ZooError(f"{name} takes {key} of shape {shape}, not {tuple(found.shape)}: correct the dataset's items.")
    if found.dim() != wanted.dim():
        middle = "".join(f"{length}, " for length in wanted.shape[1:-2])
        shape = "(B,)" if wanted.dim() == 1 else f"(B, {middle}H, W)"
        raise ZooError(f"{name} takes {key} of shape {shape}, not {tuple(found.shape)}: correct the dataset's items.")


def check_channels(model: Task, found: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Raise `ZooError` if tensors of a batch have other numbers of channels than the model takes."""
    if found == wanted:
        return
    options = " ".join(
        f"--model.{option} {found[key]}" for key, option in model.channel_options.items() if key in found
    )
    remedy = f"use {options}, or data of as many channels as the model has" if options else "convert the pictures"
    takes, has = (joined([f"{key} of {count}" for key, count in each.items()]) for each in (wanted, found))
    raise ZooError(f"{type(model).__name__} takes {takes} channels, and the data have {has}: {remedy}.")


def check_values(model: Task, key: str, found: Tensor, wanted: Tensor) -> None:
    """Raise `ZooError` for ids that are no labels of the model, and for pictures outside [-1, 1]."""
    name = type(model).__name__
    if found.is_floating_point() != wanted.is_floating_point():
        kind = "floats in [-1, 1]" if wanted.is_floating_point() else "whole numbers, the ids of labels"
        raise ZooError(f"{name} takes {key} as {kind}, not {str(found.dtype).removeprefix('torch.')}: convert it.")
    if found.dtype not in (wanted.dtype, model.dtype):
        shown, correct = (str(dtype).removeprefix("torch.") for dtype in (found.dtype, wanted.dtype))
        raise ZooError(f"{name} takes {key} as {correct}, not {shown}: convert it in the dataset.")
    if not found.numel():
        raise ZooError(f"{name}: {key} of the batch is empty, of shape {tuple(found.shape)}; correct the dataset.")
    if key in model.point_keys:
        check_points(model, key, found)
        return
    low, high = found.min().item(), found.max().item()
    if found.is_floating_point():
        if not (low >= -1 - SLACK and high <= 1 + SLACK):  # also for NaN
            raise ZooError(
                f"{name} takes {key} in [-1, 1], and the data have {low:.4g} to {high:.4g}: scale the dataset's "
                "pictures, those of 0 to 255 by x / 127.5 - 1."
            )
    elif key == "label":
        check_labels(model, found)


def is_at_hand(tensor: Tensor) -> bool:
    """Whether a tensor is on the CPU: one on a GPU has to be waited for before its values can be checked."""
    return tensor.device.type == "cpu"


def check_labels(model: Task, found: Tensor) -> None:
    """Raise `ZooError` for ids that are no labels of the model."""
    low, high, labels = int(found.min()), int(found.max()), model.hparams.labels
    if not (low >= 0 and high < labels):
        raise ZooError(
            f"{type(model).__name__} has labels={labels}, ids 0 to {labels - 1}, and the label maps have "
            f"{low} to {high}: use --model.labels {high + 1}, or correct the label maps."
        )


def check_points(model: Task, key: str, found: Tensor) -> None:
    """Raise `ZooError` for points (B, N, 3) that are not finite, or whose visibility is neither 0 nor 1."""
    seen = found[..., 2]
    if not found.isfinite().all() or not ((seen == 0) | (seen == 1)).all():
        raise ZooError(
            f"{type(model).__name__} takes {key} as x and y in pixels and a visibility of 0 or 1, and the data have "
            f"{found.min().item():.4g} to {found.max().item():.4g}, and a visibility of {seen.min().item():.4g} to "
            f"{seen.max().item():.4g}: correct the dataset's items."
        )


def check_aligned(model: Task, tensors: Mapping[str, Tensor]) -> None:
    """Raise `ZooError` if tensors that a model compares pixel by pixel differ in height and width."""
    sizes = {key: tuple(tensor.shape[-2:]) for key, tensor in tensors.items() if key not in model.point_keys}
    if model.aligned and len(set(sizes.values())) > 1:
        shown = joined([f"{key} of {width}x{height}" for key, (height, width) in sizes.items()])
        raise ZooError(f"{type(model).__name__} takes batches of one size, not {shown}: correct the dataset's items.")


def check_counts(model: Task, counts: Mapping[str, int]) -> None:
    """Raise `ZooError` if a batch has more items of one key than of another."""
    if len(set(counts.values())) > 1:
        shown = joined([f"{count} of {key}" for key, count in counts.items()])
        raise ZooError(f"{type(model).__name__} takes as many of each in a batch, not {shown}: correct the loader.")


def check_lengths(model: Task, batch: Mapping[str, Any]) -> None:
    """Raise `ZooError` if what a batch has for each frame is not as long as its ``video`` (B, T, 3, H, W)."""
    frames = batch["video"].shape[1]
    for key, found in batch.items():
        if isinstance(found, Tensor) and found.dim() >= 4 and found.shape[1] != frames:
            raise ZooError(
                f"{type(model).__name__} takes clips of one length, not video of {frames} frames and {key} of "
                f"{found.shape[1]}: correct the dataset's items."
            )


def check_flow(model: Task, batch: Mapping[str, Any]) -> None:
    """Raise `ZooError` if a batch has a ``flow`` that the model uses, and it does not fit ``video`` (B, T, 3, H, W)."""
    if not model.uses_flow or "flow" not in batch:
        return
    flow, (items, frames, _, height, width) = batch["flow"], batch["video"].shape
    wanted = (items, frames, 2, height, width)
    if not (isinstance(flow, Tensor) and flow.dtype == model.dtype and flow.shape == wanted):
        kind = type(flow).__name__
        found = f"{str(flow.dtype).removeprefix('torch.')} {tuple(flow.shape)}" if isinstance(flow, Tensor) else kind
        raise ZooError(
            f"{type(model).__name__} takes flow as a tensor of float32 {wanted}, in pixels for each frame of video, "
            f"not {found}: correct the dataset's items, or leave flow out."
        )


def check_sizes(model: Task, batch: Mapping[str, Any], networks: Sequence[str]) -> None:
    """Raise `ZooError` if the pictures of a training batch have sizes that a network does not take.

    Args:
        model: The model.
        batch: A training batch.
        networks: Names of the networks beside the main one, which may declare the ``smallest`` side that they take.
    """
    name, main = type(model).__name__, model.main_network
    stride, least = (1, 1) if model.trains_at_any_size else (getattr(main, "stride", 1), getattr(main, "smallest", 1))
    for key in model.batch_keys:
        if batch[key].dim() < 3 or key in model.point_keys:  # not pictures
            continue
        height, width = batch[key].shape[-2:]
        needed = [-(-max(side - side % stride, least) // stride) * stride for side in (height, width)]
        if [height, width] != needed:
            both = needed[0] != needed[1] or model.size_option == "size"
            size = f"[{needed[0]},{needed[1]}]" if both else needed[0]
            loaded = ", and a --data.load_size that is no smaller" if model.size_option == "crop_size" else ""
            raise ZooError(
                f"{name} trains on pictures whose sides are multiples of {stride} and at least {least}, "
                f"not {width}x{height}: use --data.{model.size_option} {size}{loaded}."
            )
        shared = getattr(main, "batch_stride", None)
        if shared and len(batch[key]) * (height // shared) * (width // shared) < 2:
            raise ZooError(
                f"{name} takes batch statistics, and a batch of {len(batch[key])} at {width}x{height} has only one "
                f"pixel in its smallest map: use a larger --data.batch_size or --data.{model.size_option}."
            )
        for network in networks:
            smallest = getattr(getattr(model, network, None), "smallest", 1)
            if min(height, width) < smallest:
                smaller = " or a smaller --model.receptive_field" if "receptive_field" in model.hparams else ""
                raise ZooError(
                    f"The {network} of {name} needs pictures of at least {smallest}x{smallest}, not {width}x{height}: "
                    f"use a larger --data.{model.size_option}{smaller}."
                )
        if model.only_size and [height, width] != list(model.only_size):
            rows, columns = model.only_size
            raise ZooError(
                f"{name} trains on pictures of {columns}x{rows}, its model.size, not {width}x{height}: use "
                f"--data.{model.size_option} {[rows, columns]}, or --model.size [{height},{width}]."
            )


def joined(words: Any) -> str:
    """Words in a sentence: "a, b and c"."""
    *others, last = list(words) or [""]
    return f"{', '.join(map(str, others))} and {last}" if others else str(last)
