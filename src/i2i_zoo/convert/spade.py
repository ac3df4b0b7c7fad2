"""Checkpoints of SPADE's authors (NVlabs/SPADE), and of code that uses their names.

Spectral norms are stored as ``weight_orig``, ``weight_u`` and ``weight_v`` (the authors' files), or as torch's
parametrizations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isqrt, prod
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.spade import STRIDES, Upsampling
from i2i_zoo.store.tensors import first_few

State = Mapping[str, Tensor]

#: The authors' name of each block, in the order in which they run.
BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")

_LEAVES = {
    "weight_orig": "weight",
    "weight_u": "u",
    "weight_v": "v",
    "parametrizations.weight.original": "weight",
    "parametrizations.weight.0._u": "u",
    "parametrizations.weight.0._v": "v",
}
#: Patterns of the authors' names, and ours; every pattern is applied to a key.
_GENERATOR = (
    (r"^fc\.", "first."),
    (r"^conv_img\.", "last."),
    *((rf"^{name}\.", f"blocks.{i}.") for i, name in enumerate(BLOCKS)),
    (r"\.param_free_norm\.", ".norm."),
    (r"\.mlp_shared\.0\.", ".shared."),
)
_ENCODER = (
    *((rf"^layer{i + 1}\.(?:0\.)?", f"convolutions.{i}.") for i in range(6)),
    (r"^fc_mu\.", "mean."),
    (r"^fc_var\.", "log_variance."),
)
#: The authors count the scales from the finest, as we do.
_DISCRIMINATOR = ((r"^discriminator_(\d+)\.model(\d)\.(?:0\.)+", r"scales.\1.convolutions.\2."),)


def read(
    states: Mapping[str, State],
    labels: int | None = None,
    edges: bool | None = None,
    upsampling: Upsampling | None = None,
    latent_size: Sequence[int] | None = None,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `SPADE`, and its tensors, from the authors' state dicts by network name.

    The tensors do not show these facts.  Each has a default, and each may be set without the others:

    - The last channel of the segmentation may be the edges or a label.  It is taken for the edges if there are 36
      channels (Cityscapes) or 184 (COCO).
    - ``upsampling`` may be ``normal`` or ``more``: the same tensors serve both.  It is ``more`` for 36 channels.
    - In a model with styles, the first layer shows the number of cells of the smallest map, not its height and width.
      The map is square if it can be, otherwise twice as wide as high.

    Args:
        states: The state dicts.
        labels: Number of labels; the edges are the channel that is left over, if one is.
        edges: Whether the last channel of the segmentation is the edges; the other channels are the labels.
        upsampling: See `SPADE`; ``latent_size`` follows from it.
        latent_size: See `SPADE`; ``upsampling`` follows from it.

    Raises:
        ZooError: If a network is not one of theirs, if one that the generator needs is missing, or if an argument
            contradicts the tensors.
    """
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the others.")
    found = _renamed_generator(states["generator"])
    hparams = _generator_hparams(found)
    channels = weight(found, "blocks.0.norm_0.shared", "generator").shape[1]
    hparams["labels"], hparams["edges"] = labels_and_edges(channels, labels, edges, guess=channels in (36, 184))
    hparams |= _sizes(found, channels, upsampling, latent_size)
    tensors = {f"generator.{key}": tensor for key, tensor in found.items()}
    if "encoder" in states:
        if not hparams["latent"]:
            raise ZooError("The generator has no latent code, so the encoder is not of its model.")
        found = renamed(spectral_leaves(states["encoder"]), _ENCODER, "encoder")
        _check_instance_norm(found, "encoder")
        hparams["encoder_width"] = weight(found, "convolutions.0", "encoder").shape[0]
        hparams["encoder_spectral"] = _is_spectral(found)
        tensors |= {f"encoder.{key}": tensor for key, tensor in found.items()}
    elif hparams["latent"]:
        raise ZooError("This generator has a latent code: give the encoder's file too, encoder=latest_net_E.pth.")
    if "discriminator" in states:
        found = renamed(spectral_leaves(states["discriminator"]), _DISCRIMINATOR, "discriminator")
        _check_instance_norm(found, "discriminator")
        hparams["discriminator_width"] = weight(found, "scales.0.convolutions.0", "discriminator").shape[0]
        hparams["discriminator_spectral"] = _is_spectral(found)
        hparams["scales"] = len({key.split(".")[1] for key in found})
        tensors |= {f"discriminator.{key}": tensor for key, tensor in found.items()}
    return hparams, tensors


def _renamed_generator(state: State) -> dict[str, Tensor]:
    """The generator's tensors by our names."""
    found = renamed(_merged(spectral_leaves(state)), _GENERATOR, "generator")
    for key in [key for key in found if key.endswith(".norm.running_var")]:  # some code does not count the batches
        found.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    return found


def _generator_hparams(found: State) -> dict[str, Any]:
    """The hyper-parameters that the generator's tensors show, by our names."""
    first = weight(found, "first", "generator", dims=(2, 4))
    shared = weight(found, "blocks.0.norm_0.shared", "generator")
    top = weight(found, "blocks.0.conv_0", "generator").shape[0]
    return {
        "width": top // 16,
        "hidden": shared.shape[0],
        "norm": "batch" if "blocks.0.norm_0.norm.running_mean" in found else "instance",
        "kernel_size": shared.shape[-1],
        "spectral": _is_spectral(found),
        "latent": first.shape[1] if first.dim() == 2 else 0,
    }


def _is_spectral(found: State) -> bool:
    """Whether a network has spectral norms, which the authors' option ``norm_G``, ``norm_D`` or ``norm_E`` decides."""
    return any(key.endswith(".u") for key in found)


def _check_instance_norm(found: State, network: str) -> None:
    """Raise `ZooError` if a discriminator or encoder has another norm than instance norm.

    The authors' options ``norm_D`` and ``norm_E`` allow batch norms, and no norms, with which layers have biases.
    """
    layers = {"encoder": r"convolutions\.\d", "discriminator": r"scales\.\d+\.convolutions\.[123]"}[network]
    if other := [key for key in found if re.match(rf"{layers}\.(1\.|bias$)", key)]:
        raise ZooError(
            f"The {network} has {first_few(other)}, so it was trained without instance norm: only networks with "
            f"norm_{network[0].upper()} instance or spectralinstance can be converted."
        )


def labels_and_edges(channels: int, labels: int | None, edges: bool | None, guess: bool) -> tuple[int, bool]:
    """How many channels of a segmentation are labels, and whether one more is the edges.

    Args:
        channels: Of the segmentation.
        labels: The caller's number of labels; None to let it follow.
        edges: The caller's choice; None to let it follow from ``labels``, or to take ``guess``.
        guess: The default of ``edges``.

    Raises:
        ZooError: If labels and edges do not add up to the channels.
    """
    if edges is None:
        edges = guess if labels is None else labels != channels
    if labels is None:
        labels = channels - edges
    if labels + edges != channels:
        raise ZooError(
            f"labels={labels} and edges={edges} do not add up to the {channels} channels of the generator's "
            f"segmentation: choose labels={channels - 1} with edges=True, or labels={channels} with edges=False."
        )
    return labels, edges


def _sizes(
    found: State, channels: int, upsampling: Upsampling | None, latent_size: Sequence[int] | None
) -> dict[str, Any]:
    """``upsampling``, and ``latent_size`` if the generator has a latent code: the caller's, or what follows.

    Raises `ZooError` if the caller's do not fit the tensors, or each other.
    """
    possible: list[Upsampling] = ["more", "normal"] if channels == 36 else ["normal", "more"]  # the likely one first
    if any(key.startswith("blocks.7.") for key in found):
        possible = ["most"]
    if upsampling:
        if upsampling not in possible:
            choices = " or ".join(sorted(possible))
            raise ZooError(
                f"upsampling={upsampling!r} does not fit the generator's number of blocks: choose {choices}."
            )
        possible = [upsampling]
    first = weight(found, "first", "generator", dims=(2, 4))
    if first.dim() == 4:
        return {"upsampling": possible[0]}
    cells = first.shape[0] // max(weight(found, "blocks.0.conv_0", "generator").shape[0], 1)
    if latent_size is None:
        stride, square = STRIDES[possible[0]], isqrt(cells) ** 2 == cells
        height = max(isqrt(cells if square else cells // 2), 1)
        return {"upsampling": possible[0], "latent_size": [height * stride, cells // height * stride]}
    for choice in possible:
        if prod(length // STRIDES[choice] for length in latent_size) == cells:
            return {"upsampling": choice, "latent_size": latent_size}
    strides = " or ".join(f"{STRIDES[choice]} (upsampling={choice})" for choice in possible)
    raise ZooError(
        f"latent_size={list(latent_size)} does not fit the generator, whose smallest map has {cells} cells: choose a "
        f"height and a width that give {cells} cells of {strides} pixels squared."
    )


def _merged(state: State) -> dict[str, Tensor]:
    """The state with one convolution for gamma and beta of each layer, as in our networks."""
    merged = dict[str, Tensor]()
    for key, tensor in state.items():
        if ".mlp_beta." in key:
            gamma = key.replace(".mlp_beta.", ".mlp_gamma.")
            if gamma not in state:
                raise ZooError(f"This generator is not in the authors' layout: {key} has no partner {gamma}.")
        elif ".mlp_gamma." in key:
            beta = state.get(key.replace(".mlp_gamma.", ".mlp_beta."))
            if beta is None or beta.shape != tensor.shape:
                raise ZooError(f"This generator is not in the authors' layout: {key} has no partner mlp_beta.")
            merged[key.replace(".mlp_gamma.", ".modulation.")] = torch.cat([tensor, beta])
        else:
            merged[key] = tensor
    return merged


def spectral_leaves(state: State) -> dict[str, Tensor]:
    """The state with our names for the tensors of spectral norms."""
    found = {}
    for key, tensor in state.items():
        for theirs, ours in _LEAVES.items():
            if key.endswith(f".{theirs}"):
                key = f"{key.removesuffix(theirs)}{ours}"
                break
        found[key] = tensor
    return found


def renamed(state: State, patterns: tuple[tuple[str, str], ...], network: str) -> dict[str, Tensor]:
    """The state by our names: every pattern is applied to each key.

    Raises `ZooError` if no pattern matches a key, and names such keys.
    """
    found, unknown = {}, []
    for key, tensor in state.items():
        name = key
        for theirs, ours in patterns:
            name = re.sub(theirs, ours, name)
        if name == key:
            unknown.append(key)
        found[name] = tensor
    if unknown:
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(unknown)}.")
    return found


def weight(found: State, layer: str, network: str, dims: tuple[int, ...] = (4,)) -> Tensor:
    """The weight of a layer.  Raises `ZooError` if there is none, or if its number of dimensions is not in ``dims``."""
    tensor = found.get(f"{layer}.weight")
    if tensor is None or tensor.dim() not in dims:
        raise ZooError(f"This {network} is not in the authors' layout: it has no weight for {layer}.")
    return tensor
