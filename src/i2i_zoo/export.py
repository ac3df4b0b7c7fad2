"""Export to other runtimes: one graph for any batch and size, kept only if it gives the same results as the model."""

from __future__ import annotations

import copy
import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from . import __version__
from .atomic import atomic_write
from .errors import ZooError, install
from .registry import method_name
from .tasks.graph import Graph

#: How much an output in [-1, 1] may differ, at any pixel, from the model in single precision.
#: Half precision rounds after each layer.  This changes outputs of pix2pix's U-Net 256 by up to 0.0017 with new
#: weights, and by up to 0.033 (0.0008 on average) with weights five times as large, which saturate the outputs.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 5e-2}

#: A written graph: inputs to output.
Runner = Callable[[list[Tensor]], Tensor]


def export(
    model: Any,
    path: str | os.PathLike[str],
    format: Literal["onnx", "torch"] | None = None,
    *,
    half: bool = False,
    **conditions: Any,
) -> dict[tuple[int, ...], float]:
    """Write the ``forward`` of a method as a graph that runs without this package.

    The graph takes float tensors in [-1, 1] of any batch size, and of any height and width that are multiples of the
    network's stride, and returns ``output``.  Poses (B, 18, 3) are in pixels, and in single precision also with
    ``half``.  A model that makes pictures or clips from noise takes ``noise`` (B, N), whose parts and distributions are
    in the metadata.  These also hold method, stride, channels, range and preprocessing: in ONNX under the key
    ``i2i_zoo``, in a torch archive in the extra file ``i2i_zoo.json``.  Run an archive with
    ``torch.export.load(path).module(check_guards=False)``, since its guards reject the smallest size of a U-Net.

    Args:
        model: A method in eval mode on the CPU, as `load` returns it.
        path: The file to write.
        format: ``onnx``, for ONNX Runtime and others, or ``torch``, for `torch.export.load`; by default ``torch`` for a
            path that ends with ``.pt2``, and else ``onnx``.
        half: Whether weights, inputs and outputs have half precision.
        **conditions: Chosen conditions, such as ``direction="ba"`` or a style; they become part of the graph.

    Returns:
        The shapes of the compared outputs to the largest difference between the written graph and the model in single
        precision.

    Raises:
        ZooError: If a difference is above `TOLERANCE`; if the model draws random numbers, has no graph or does not have
            these conditions; if a package is missing; or if the file cannot be written.  No file is left then.
    """
    path = Path(path)
    format = format or ("torch" if path.suffix == ".pt2" else "onnx")
    missing = [package for package in ("onnx", "onnxscript", "onnxruntime") if not find_spec(package)]
    if format == "onnx" and missing:
        raise ZooError(f"ONNX needs the packages {', '.join(missing)}: {install(*missing)}.")
    if any(layer.training for layer in model.modules() if isinstance(layer, nn.Dropout)):
        raise ZooError(
            "A model that uses dropout at inference cannot be exported: load it with inference_dropout=False."
        )
    dtype = torch.float16 if half else torch.float32
    graph = model.graph(**conditions)
    facts = json.dumps(metadata(model, graph, dtype, conditions))
    try:
        with atomic_write(path) as partial:
            program = trace(graph, dtype)
            if format == "onnx":
                write_onnx(program, partial, facts, list(graph.inputs(1, graph.smallest, graph.smallest)))
                runner = read_onnx(partial)
            else:
                write_torch(program, partial, facts)
                runner = read_torch(partial)
            differences = compare(graph, runner, dtype)
            if not all(difference <= TOLERANCE[dtype] for difference in differences.values()):
                found = ", ".join(f"{difference:.1e} at {shape}" for shape, difference in differences.items())
                raise ZooError(
                    f"{path}: the graph is not what the model computes, and was removed: it differs by {found}."
                )
    except OSError as error:
        raise ZooError(f"{path}: the graph cannot be written ({error.strerror or error}).") from None
    return differences


def metadata(model: Any, graph: Graph, dtype: torch.dtype, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a program needs to call the graph."""
    return {
        "method": method_name(type(model)),
        **{name: value for name, value in conditions.items() if isinstance(value, (str, int, float, bool))},
        "stride": graph.stride,
        "smallest": graph.smallest,
        **graph.facts,
        "range": [-1, 1],
        "dtype": str(dtype).removeprefix("torch."),
        "version": __version__,
    }


class UsedParameters(TorchFunctionMode):
    """Notes which parameters the operations within it take."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[nn.Parameter] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.found |= {value for value in tree_leaves((args, kwargs)) if isinstance(value, nn.Parameter)}
        return func(*args, **kwargs)


def drop_idle(module: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Remove the weights that are not used for these inputs."""
    with torch.inference_mode(), UsedParameters() as used:
        module(*inputs)
    for layer in module.modules():
        for name, parameter in list(layer.named_parameters(recurse=False)):
            if parameter not in used.found:
                setattr(layer, name, None)


def trace(graph: Graph, dtype: torch.dtype) -> ExportedProgram:
    """The traced program of a graph, with symbols for the axes of any length."""
    module = copy.deepcopy(graph.module).to(dtype)
    stride, smallest = graph.stride, graph.smallest
    # Sizes that differ from each other and from 1: an export might take an axis of length 1 for a constant.
    noise = graph.inputs(2, smallest + 2 * stride, smallest + 3 * stride)
    values = graph.cast(noise, dtype)
    drop_idle(module, values)
    lengths: dict[str, Any] = {"batch": Dim("batch")}
    lengths |= {side: stride * Dim(side, min=-(-smallest // stride)) for side in ("rows", "columns")}
    shapes = tuple({axis: lengths[length] for axis, length in graph.axes(name).items()} for name in noise)
    with warnings.catch_warnings():
        # A GRU keeps its weights in a list too, which torch takes for new tensors.
        warnings.filterwarnings("ignore", "The tensor attributes .* were assigned during export")
        return torch.export.export(module, tuple(values), dynamic_shapes=shapes, strict=False)


def write_torch(program: ExportedProgram, path: Path, facts: str) -> None:
    with path.open("wb") as file, warnings.catch_warnings():
        # Weights in another order of memory, as those of narrow TGANs, are saved all the same.
        warnings.filterwarnings("ignore", "No complete tensor found in the group")
        torch.export.save(program, file, extra_files={"i2i_zoo.json": facts})


def read_torch(path: Path) -> Runner:
    with path.open("rb") as file:
        # The guards would reject the smallest size, where the innermost map of a U-Net is a single pixel.
        module = torch.export.load(file).module(check_guards=False)
    return lambda values: module(*values)


def write_onnx(program: ExportedProgram, path: Path, facts: str, inputs: Sequence[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about PyTorch's own deprecations
        onnx_program = torch.onnx.export(
            program, dynamo=True, verbose=False, input_names=inputs, output_names=["output"]
        )
    assert onnx_program is not None
    onnx_program.model.metadata_props["i2i_zoo"] = facts
    onnx_program.save(path)


def read_onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [argument.name for argument in session.get_inputs()]

    def run(values: list[Tensor]) -> Tensor:
        (output,) = session.run(None, {name: value.numpy() for name, value in zip(names, values, strict=True)})
        return torch.from_numpy(output)

    return run


@torch.inference_mode()
def compare(graph: Graph, runner: Runner, dtype: torch.dtype) -> dict[tuple[int, ...], float]:
    """The largest difference between a written graph and its module, for inputs of several sizes, by output shape."""
    stride = graph.stride
    size = max(graph.smallest, 64 // stride * stride)
    differences = {}
    for batch, height, width in ((1, size, size), (2, size, size + stride), (3, size + 2 * stride, size)):
        inputs = graph.inputs(batch, height, width)
        expected = graph.module(*inputs.values())
        found = runner(graph.cast(inputs, dtype)).float()
        differences[tuple(expected.shape)] = float((found - expected).abs().max())
    return differences
