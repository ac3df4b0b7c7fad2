"""What one worker takes to make a training sample of CamVid: milliseconds of CPU time of one thread.

python benchmarks/data.py data/camvid
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.semantic import SemanticData

SAMPLES = 100


def main(root: str) -> None:
    torch.set_num_threads(1)
    labels: dict[str, Any] = {"source": "labels", "target": "images", "source_palette": "camvid"}
    sizes: dict[str, Any] = {"load_size": [216, 288], "crop_size": [192, 256]}
    modules = {
        "two photographs, 256x256": PairedData(root, source="images", target="images"),
        "colours and a photograph, 256x256": PairedData(root, **labels),
        "a channel for each label and a photograph, 256x256": PairedData(root, **labels, in_channels=12),
        "ids and a photograph, 256x192": SemanticData(root, labels=12, palette="camvid", **sizes),
    }
    for name, module in modules.items():
        module.setup("fit")
        samples = module.datasets["train"]
        samples[0, 0]
        start = time.thread_time()
        for index in range(SAMPLES):
            samples[0, index]
        seconds = (time.thread_time() - start) / SAMPLES
        print(f"{name}: {1e3 * seconds:.1f} ms, {4 / seconds:.0f} a second with four workers")


if __name__ == "__main__":
    main(sys.argv[1])
