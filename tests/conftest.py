"""The environment of the tests: nothing of the user's, and no server but a local one."""

from __future__ import annotations

import atexit
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# A port of our own: nobody else gets it while this socket is bound to it, and our servers may listen on it.
RESERVED = socket.socket()
RESERVED.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
RESERVED.bind(("127.0.0.1", 0))
FOLDER = tempfile.TemporaryDirectory(prefix="i2i-zoo-tests-")
atexit.register(RESERVED.close)
atexit.register(FOLDER.cleanup)
atexit.register(RESERVED.close)

# Workers of pytest-xdist have a terminal of 80 columns; what is printed is as wide as in a pipe.
os.environ.pop("COLUMNS", None)
# The Hub's client reads these when it is imported.
os.environ.pop("HF_TOKEN", None)
os.environ.update(
    HF_ENDPOINT=f"http://127.0.0.1:{RESERVED.getsockname()[1]}",
    HF_HOME=FOLDER.name,
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    TORCH_HOME=os.path.join(FOLDER.name, "torch"),
    I2I_ZOO_CACHE=os.path.join(FOLDER.name, "i2i_zoo"),
    NO_PROXY="127.0.0.1",
)


# Workers of pytest-xdist share the cores, also with the processes that their tests start.  torch reads this too when
# it is imported.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``gpu`` where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="marked gpu, and there is no GPU"))


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Weights for VGG-16 up to relu4_3, those of FastStyle's golden numbers, where torch keeps what it has fetched."""
    import torch
    from torchvision.models import VGG16_Weights

    from i2i_zoo.pretrained.backbones import pretrained_features
    from methods.authors import Options

    folder = tmp_path_factory.mktemp("torch")
    (folder / "checkpoints").mkdir()
    weights = Options("faststyle", "mosaic").state("V")
    torch.save(weights, folder / "checkpoints" / VGG16_Weights.DEFAULT.url.rpartition("/")[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.hub, "get_dir", lambda: str(folder))
        pretrained_features.cache_clear()
        yield
        pretrained_features.cache_clear()


@pytest.fixture(scope="module")
def hed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of random weights for HED, which `I2I_ZOO_HED` names."""
    from hed_weights import write_hed
    from i2i_zoo.pretrained.backbones import pretrained_features

    path = tmp_path_factory.mktemp("hed") / "hed_bsds500.weights.h5"
    write_hed(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I2I_ZOO_HED", str(path))
        pretrained_features.cache_clear()
        yield path
        pretrained_features.cache_clear()


@pytest.fixture
def keypoint_rcnn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of weights for a tiny Keypoint R-CNN, which stands for torchvision's; `I2I_ZOO_POSE` names it."""
    import torch
    from torchvision.models import detection

    import tiny_rcnn
    from i2i_zoo.pretrained import pose_estimators

    path = tmp_path_factory.mktemp("pose") / "rcnn.pth"
    torch.save(tiny_rcnn.network().state_dict(), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detection, "keypointrcnn_resnet50_fpn", tiny_rcnn.network)
        patch.setenv("I2I_ZOO_POSE", str(path))
        pose_estimators._loaded.cache_clear()
        yield path
        pose_estimators._loaded.cache_clear()
