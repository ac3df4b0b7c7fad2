"""VGAN."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="vgan",
    implementation="i2i_zoo.methods.vgan:VGAN",
    title="VGAN",
    task="clips",
    paper="https://arxiv.org/abs/1609.02612",
    citation="""
@inproceedings{vondrick2016vgan,
  title = {{Generating Videos with Scene Dynamics}},
  author = {Vondrick, Carl and Pirsiavash, Hamed and Torralba, Antonio},
  booktitle = {Advances in Neural Information Processing Systems (NIPS)},
  year = {2016},
}
""",
)

ENTRIES = (
    Entry(
        name="vgan-people",
        method="vgan",
        dataset="Rendered people",
        description="noise to clips of people",
        license="apache-2.0",
        license_notice=terms.RENDERED_PEOPLE,
        origin="trained",
        bundled=True,
    ),
)
