"""The environment of the tests: nothing of the user's, and no server but a local one."""

from __future__ import annotations

import os
import socket
import tempfile

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
