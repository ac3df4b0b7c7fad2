"""The Deformable GAN."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="deformable",
    implementation="i2i_zoo.methods.deformable:Deformable",
    title="Deformable GAN",
    task="pose",
    paper="https://arxiv.org/abs/1801.00055",
    citation=r"""
@inproceedings{siarohin2018deformable,
  title = {{Deformable GANs for Pose-based Human Image Generation}},
  author = {Siarohin, Aliaksandr and Sangineto, Enver and Lathuili{\`e}re, St{\'e}phane and Sebe, Nicu},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2018},
}
""",
)

ENTRIES = (
    Entry(
        name="deformable-people",
        method="deformable",
        dataset="Rendered people",
        description="person to the same person in another pose",
        license="apache-2.0",
        license_notice=terms.RENDERED_PEOPLE,
        origin="trained",
        bundled=True,
    ),
)
