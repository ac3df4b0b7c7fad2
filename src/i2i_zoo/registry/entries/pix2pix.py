"""pix2pix and its checkpoints."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="pix2pix",
    implementation="i2i_zoo.methods.pix2pix:Pix2Pix",
    title="pix2pix",
    task="paired",
    paper="https://arxiv.org/abs/1611.07004",
    citation="""
@inproceedings{isola2017pix2pix,
  title = {{Image-to-Image Translation with Conditional Adversarial Networks}},
  author = {Isola, Phillip and Zhu, Jun-Yan and Zhou, Tinghui and Efros, Alexei A.},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2017},
}
""",
)


def _official(data: str, file: str, dataset: str, description: str) -> Entry:
    """One of the authors' generators; ``file`` is its name without ``.pth``."""
    return Entry(
        name=f"pix2pix-{data}",
        method="pix2pix",
        dataset=dataset,
        description=description,
        license="bsd-2-clause",
        license_notice=(
            "Weights by the authors of pix2pix (Isola, Zhu, Zhou, Efros 2017), whose code is under the BSD licence: "
            "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/LICENSE"
        ),
        origin="official",
        official={"generator": f"https://efrosgans.eecs.berkeley.edu/pix2pix/models-pytorch/{file}.pth"},
        preprocess={"size": [256, 256]},
    )


ENTRIES = (
    Entry(
        name="pix2pix-camvid",
        method="pix2pix",
        dataset="CamVid",
        description="label map to street scene",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="pix2pix-camvid-colour",
        method="pix2pix",
        dataset="CamVid",
        description="black and white to colour",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="pix2pix-camvid-photo2labels",
        method="pix2pix",
        dataset="CamVid",
        description="street scene to label map",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="pix2pix-edges2emoji",
        method="pix2pix",
        dataset="Emoji and their edges",
        description="sketch to emoji",
        license="apache-2.0",
        license_notice=(
            "Trained on pictures drawn from the font Noto Color Emoji (SIL Open Font License 1.1); under the Apache "
            "License 2.0, like this project's code."
        ),
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="pix2pix-people-cutout",
        method="pix2pix",
        dataset="Rendered people",
        description="person in front of a background to person on white",
        license="apache-2.0",
        license_notice="Trained on pictures that this project draws; under the Apache License 2.0, like its code.",
        origin="trained",
        bundled=True,
    ),
    _official("facades", "facades_label2photo", "CMP Facades", "label map to building facade"),
    _official("edges2shoes", "edges2shoes", "UT Zappos50K with HED edges", "shoe edges to shoe photo"),
    _official("sat2map", "sat2map", "Google Maps", "aerial photo to street map"),
    _official("map2sat", "map2sat", "Google Maps", "street map to aerial photo"),
    _official("day2night", "day2night", "Transient Attributes", "day to night, same view"),
)
