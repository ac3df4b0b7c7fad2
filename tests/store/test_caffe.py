from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from i2i_zoo.errors import ZooError
from i2i_zoo.store.caffe import read_caffemodel

# Name, number, type and options of the fields of caffe.proto that matter here, and one that does not.
MESSAGES = {
    "BlobShape": [("dim", 1, "INT64", "packed")],
    "BlobProto": [
        ("shape", 7, "BlobShape", ""),
        ("data", 5, "FLOAT", "packed"),
        *((name, number, "INT32", "") for number, name in enumerate(("num", "channels", "height", "width"), 1)),
    ],
    "V1LayerParameter": [("name", 4, "STRING", ""), ("type", 5, "INT32", ""), ("blobs", 6, "BlobProto", "repeated")],
    "LayerParameter": [
        ("name", 1, "STRING", ""),
        ("type", 2, "STRING", ""),
        ("loss_weight", 5, "FLOAT", "repeated"),
        ("blobs", 7, "BlobProto", "repeated"),
    ],
    "NetParameter": [
        ("name", 1, "STRING", ""),
        ("layers", 2, "V1LayerParameter", "repeated"),
        ("layer", 100, "LayerParameter", "repeated"),
    ],
}


@pytest.fixture(scope="module")
def net_parameter() -> Any:
    """Caffe's message, in Google's implementation."""
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind, option in fields:
            field = described.field.add(name=name, number=number)
            field.label = kinds.LABEL_REPEATED if option else kinds.LABEL_OPTIONAL
            if kind in MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".caffe.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind}")
            field.options.packed = option == "packed"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))


@pytest.mark.parametrize("form", ["layer", "layers"])
def test_weights_of_both_forms_of_the_file(tmp_path: Path, net_parameter: Any, form: str) -> None:
    random = np.random.default_rng(0)
    weight, bias = (random.normal(size=size).astype(np.float32) for size in ((4, 3, 5, 200), (4,)))
    net = net_parameter(name="FCN")
    getattr(net, form).add(name="relu1")
    layer = getattr(net, form).add(name="conv1_1")
    if form == "layer":
        layer.type = "Convolution"
        layer.loss_weight.append(1.5)
        for array in (weight, bias):
            layer.blobs.add(shape={"dim": array.shape}, data=array.ravel())
    else:
        layer.type = 4
        num, channels, height, width = weight.shape
        layer.blobs.add(num=num, channels=channels, height=height, width=width, data=weight.ravel())
        layer.blobs.add(num=1, channels=1, height=1, width=4, data=bias)
    (tmp_path / "net.caffemodel").write_bytes(net.SerializeToString())
    tensors = read_caffemodel(tmp_path / "net.caffemodel")
    assert set(tensors) == {"conv1_1.weight", "conv1_1.bias"}
    assert torch.equal(tensors["conv1_1.weight"], torch.from_numpy(weight))
    assert torch.equal(tensors["conv1_1.bias"], torch.from_numpy(bias))


def test_broken_files(tmp_path: Path, net_parameter: Any) -> None:
    net = net_parameter()
    net.layer.add(name="conv").blobs.add(shape={"dim": [3]}, data=[1, 2, 3])
    whole, file = net.SerializeToString(), tmp_path / "net.caffemodel"
    for cut in range(1, len(whole)):
        file.write_bytes(whole[:cut])
        with pytest.raises(ZooError, match=r"net\.caffemodel is no"):
            read_caffemodel(file)
    for content in (b"", b"<html>404</html>", b"\xff" * 30):
        file.write_bytes(content)
        with pytest.raises(ZooError, match=r"net\.caffemodel"):
            read_caffemodel(file)
    with pytest.raises(ZooError, match=r"Cannot read .*missing\.caffemodel"):
        read_caffemodel(tmp_path / "missing.caffemodel")
