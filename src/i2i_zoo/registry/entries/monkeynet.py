"""Monkey-Net."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="monkeynet",
    implementation="i2i_zoo.methods.monkeynet:MonkeyNet",
    title="Monkey-Net",
    task="animation",
    paper="https://arxiv.org/abs/1812.08861",
    citation=r"""
@inproceedings{siarohin2019monkeynet,
  title = {{Animating Arbitrary Objects via Deep Motion Transfer}},
  author = {Siarohin, Aliaksandr and Lathuili{\`e}re, St{\'e}phane and Tulyakov, Sergey and Ricci, Elisa
    and Sebe, Nicu},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2019},
}
""",
)

ENTRIES = (
    Entry(
        name="monkeynet-people",
        method="monkeynet",
        dataset="Rendered people",
        description="person to a clip of them moving like another",
        license="apache-2.0",
        license_notice=terms.RENDERED_PEOPLE,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="monkeynet-shapes",
        method="monkeynet",
        dataset="Moving shapes",
        description="shape to a clip of it moving like another",
        license="apache-2.0",
        license_notice=terms.RENDERED_SHAPES,
        origin="trained",
        bundled=True,
    ),
)
