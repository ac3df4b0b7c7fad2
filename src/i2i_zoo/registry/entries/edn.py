"""Everybody Dance Now."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="edn",
    implementation="i2i_zoo.methods.edn:EDN",
    title="Everybody Dance Now",
    task="dancer",
    paper="https://arxiv.org/abs/1808.07371",
    citation="""
@inproceedings{chan2019edn,
  title = {{Everybody Dance Now}},
  author = {Chan, Caroline and Ginosar, Shiry and Zhou, Tinghui and Efros, Alexei A.},
  booktitle = {IEEE International Conference on Computer Vision (ICCV)},
  year = {2019},
}
""",
)

ENTRIES = (
    Entry(
        name="edn-dancer",
        method="edn",
        dataset="Rendered people",
        description="dance of one person to the same dance of another",
        license="apache-2.0",
        license_notice=terms.RENDERED_PEOPLE,
        origin="trained",
        bundled=True,
    ),
)
