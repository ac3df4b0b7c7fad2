"""PG2."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="pg2",
    implementation="i2i_zoo.methods.pg2:PG2",
    title="PG2",
    task="pose",
    paper="https://arxiv.org/abs/1705.09368",
    citation="""
@inproceedings{ma2017pg2,
  title = {{Pose Guided Person Image Generation}},
  author = {Ma, Liqian and Jia, Xu and Sun, Qianru and Schiele, Bernt and Tuytelaars, Tinne and Van Gool, Luc},
  booktitle = {Advances in Neural Information Processing Systems (NIPS)},
  year = {2017},
}
""",
)

ENTRIES = (
    Entry(
        name="pg2-people",
        method="pg2",
        dataset="Rendered people",
        description="person to the same person in another pose",
        license="apache-2.0",
        license_notice=terms.RENDERED_PEOPLE,
        origin="trained",
        bundled=True,
    ),
)
