"""The colours and the names of labels."""

from __future__ import annotations

import numpy as np

#: Colours of label ids, by dataset: id i has colour number i.
PALETTES: dict[str, np.ndarray] = {
    # Brostow et al. (2009), the usual 11 classes and void: sky, building, pole, road, pavement, tree, sign, fence, car,
    # pedestrian, bicyclist, void.
    "camvid": np.array(
        [
            (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
            (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 0),
        ],
        np.uint8,
    ),
    # Cityscapes' ``_labelIds`` 0 to 33, and the licence plate last (cityscapesScripts' labels.py).
    "cityscapes": np.array(
        [
            (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (111, 74, 0), (81, 0, 81), (128, 64, 128),
            (244, 35, 232), (250, 170, 160), (230, 150, 140), (70, 70, 70), (102, 102, 156), (190, 153, 153),
            (180, 165, 180), (150, 100, 100), (150, 120, 90), (153, 153, 153), (153, 153, 153), (250, 170, 30),
            (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142),
            (0, 0, 70), (0, 60, 100), (0, 0, 90), (0, 0, 110), (0, 80, 100), (0, 0, 230), (119, 11, 32), (0, 0, 142),
        ],
        np.uint8,
    ),
    # Drawings of edges, in white on black.
    "lines": np.array([(0, 0, 0), (255, 255, 255)], np.uint8),
}  # fmt: skip

#: Names of the labels of a palette, by id.
LABEL_NAMES: dict[str, tuple[str, ...]] = {
    "camvid": (
        *("sky", "building", "pole", "road", "pavement", "tree"),
        *("sign", "fence", "car", "pedestrian", "bicyclist", "void"),
    ),
    "cityscapes": (
        *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "road"),
        *("sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail", "bridge", "tunnel", "pole"),
        *("polegroup", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car"),
        *("truck", "bus", "caravan", "trailer", "train", "motorcycle", "bicycle", "license plate"),
    ),
    "lines": ("background", "line"),
}
