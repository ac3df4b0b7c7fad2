"""SPADE and its checkpoints."""

from collections.abc import Mapping
from typing import Any

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="spade",
    implementation="i2i_zoo.methods.spade:SPADE",
    title="SPADE",
    task="semantic",
    paper="https://arxiv.org/abs/1903.07291",
    citation="""
@inproceedings{park2019spade,
  title = {{Semantic Image Synthesis with Spatially-Adaptive Normalization}},
  author = {Park, Taesung and Liu, Ming-Yu and Wang, Ting-Chun and Zhu, Jun-Yan},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2019},
}
""",
)

_WEIGHTS = "https://drive.google.com/uc?id=12gvlTbMvUcJewQlSEaZdeb2CdOB-b8kQ"


def _official(
    data: str, dataset: str, description: str, hparams: Mapping[str, Any], preprocess: Mapping[str, Any]
) -> Entry:
    """One of the authors' generators; ``data`` is the first part of its folder's name in the archive."""
    return Entry(
        name=f"spade-{data}",
        method="spade",
        dataset=dataset,
        description=description,
        license="cc-by-nc-sa-4.0",
        license_notice=(
            "Weights by the authors of SPADE (Park, Liu, Wang, Zhu 2019), NVIDIA Corporation, under CC BY-NC-SA 4.0, "
            "for academic research only: https://github.com/NVlabs/SPADE/blob/master/LICENSE.md"
        ),
        origin="official",
        official={"generator": f"{_WEIGHTS}#{data}_pretrained/latest_net_G.pth"},
        hparams=hparams,
        preprocess=preprocess,
    )


ENTRIES = (
    Entry(
        name="spade-camvid",
        method="spade",
        dataset="CamVid",
        description="label map to street scene",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    _official(
        "cityscapes",
        "Cityscapes",
        "label map to street scene",
        hparams={"labels": 35, "edges": True, "upsampling": "more"},
        preprocess={"size": [256, 512], "source_palette": "cityscapes"},
    ),
    _official(
        "ade20k",
        "ADE20K",
        "label map to indoor or outdoor scene",
        hparams={"labels": 151, "edges": False, "upsampling": "normal"},
        preprocess={"size": [256, 256]},
    ),
    _official(
        "coco",
        "COCO-Stuff",
        "label map to everyday scene",
        hparams={"labels": 183, "edges": True, "upsampling": "normal"},
        preprocess={"size": [256, 256], "dont_care": 255},
    ),
)
