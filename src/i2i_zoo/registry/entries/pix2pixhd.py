"""pix2pixHD and its checkpoints."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="pix2pixhd",
    implementation="i2i_zoo.methods.pix2pixhd:Pix2PixHD",
    title="pix2pixHD",
    task="semantic",
    paper="https://arxiv.org/abs/1711.11585",
    citation="""
@inproceedings{wang2018pix2pixhd,
  title = {{High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs}},
  author = {Wang, Ting-Chun and Liu, Ming-Yu and Zhu, Jun-Yan and Tao, Andrew and Kautz, Jan
    and Catanzaro, Bryan},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2018},
}
""",
)

ENTRIES = (
    Entry(
        name="pix2pixhd-camvid",
        method="pix2pixhd",
        dataset="CamVid",
        description="label map to street scene",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="pix2pixhd-cityscapes",
        method="pix2pixhd",
        dataset="Cityscapes",
        description="label map to street scene",
        license="bsd",
        license_notice=(
            "Weights by the authors of pix2pixHD (Wang, Liu, Zhu, Tao, Kautz, Catanzaro 2018), NVIDIA Corporation, "
            "whose code is under the BSD licence: https://github.com/NVIDIA/pix2pixHD/blob/master/LICENSE.txt; "
            f"{terms.CITYSCAPES}"
        ),
        origin="official",
        official={"generator": "https://drive.google.com/uc?id=1OR-2aEPHOxZKuoOV34DvQxreqGCSLcW9"},
        hparams={"labels": 35, "edges": True, "enhancers": 1},
        preprocess={"size": [1024, 2048], "source_palette": "cityscapes"},
    ),
)
