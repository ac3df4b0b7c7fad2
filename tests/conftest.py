"""The environment of the tests: nothing of the user's, and no server but a local one."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator

import pytest

with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
FOLDER = tempfile.TemporaryDirectory(prefix="i2i-zoo-tests-")

# The Hub's client reads these when it is imported.
os.environ.pop("HF_TOKEN", None)
os.environ.update(
    HF_ENDPOINT=f"http://127.0.0.1:{PORT}",
    HF_HOME=FOLDER.name,
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    TORCH_HOME=os.path.join(FOLDER.name, "torch"),
    I2I_ZOO_CACHE=os.path.join(FOLDER.name, "i2i_zoo"),
    NO_PROXY="127.0.0.1",
)


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
