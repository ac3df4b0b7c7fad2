"""MoCoGAN."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="mocogan",
    implementation="i2i_zoo.methods.mocogan:MoCoGAN",
    title="MoCoGAN",
    task="clips",
    paper="https://arxiv.org/abs/1707.04993",
    citation="""
@inproceedings{tulyakov2018mocogan,
  title = {{MoCoGAN: Decomposing Motion and Content for Video Generation}},
  author = {Tulyakov, Sergey and Liu, Ming-Yu and Yang, Xiaodong and Kautz, Jan},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2018},
}
""",
)

ENTRIES = (
    Entry(
        name="mocogan-shapes",
        method="mocogan",
        dataset="Moving shapes",
        description="noise to clips of moving shapes",
        license="apache-2.0",
        license_notice=terms.RENDERED_SHAPES,
        origin="trained",
        bundled=True,
    ),
)
