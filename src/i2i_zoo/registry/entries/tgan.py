"""TGAN."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="tgan",
    implementation="i2i_zoo.methods.tgan:TGAN",
    title="TGAN",
    task="clips",
    paper="https://arxiv.org/abs/1611.06624",
    citation="""
@inproceedings{saito2017tgan,
  title = {{Temporal Generative Adversarial Nets with Singular Value Clipping}},
  author = {Saito, Masaki and Matsumoto, Eiichi and Saito, Shunta},
  booktitle = {IEEE International Conference on Computer Vision (ICCV)},
  year = {2017},
}
""",
)

ENTRIES = (
    Entry(
        name="tgan-shapes",
        method="tgan",
        dataset="Moving shapes",
        description="noise to clips of moving shapes",
        license="apache-2.0",
        license_notice=terms.RENDERED_SHAPES,
        origin="trained",
        bundled=True,
    ),
)
