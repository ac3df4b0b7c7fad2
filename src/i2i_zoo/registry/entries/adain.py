"""AdaIN and its checkpoints."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="adain",
    implementation="i2i_zoo.methods.adain:AdaIN",
    title="AdaIN",
    task="style",
    paper="https://arxiv.org/abs/1703.06868",
    headlines=("content_loss", "style_loss"),
    citation="""
@inproceedings{huang2017adain,
  title = {{Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization}},
  author = {Huang, Xun and Belongie, Serge},
  booktitle = {IEEE International Conference on Computer Vision (ICCV)},
  year = {2017},
}
""",
)

_WEIGHTS = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0"

ENTRIES = (
    Entry(
        name="adain",
        method="adain",
        dataset="COCO and WikiArt",
        description="photo + any style picture to styled photo",
        license="mit",
        license_notice=(
            "Weights by the authors of AdaIN (Huang, Belongie 2017), as Naoto Inoue publishes them for PyTorch under "
            "the MIT licence: https://github.com/naoto0804/pytorch-AdaIN/blob/master/LICENSE"
        ),
        origin="official",
        official={"encoder": f"{_WEIGHTS}/vgg_normalised.pth", "decoder": f"{_WEIGHTS}/decoder.pth"},
    ),
    Entry(
        name="adain-small",
        method="adain",
        dataset="photographs and paintings",
        description="photo + any style picture to styled photo",
        license="other",
        license_notice=terms.PHOTOS_AND_PAINTINGS,
        origin="trained",
        bundled=True,
    ),
)
