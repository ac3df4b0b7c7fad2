"""DCGAN."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="dcgan",
    implementation="i2i_zoo.methods.dcgan:DCGAN",
    title="DCGAN",
    task="clips",
    used_as="noise",
    paper="https://arxiv.org/abs/1511.06434",
    citation="""
@inproceedings{radford2016dcgan,
  title = {{Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks}},
  author = {Radford, Alec and Metz, Luke and Chintala, Soumith},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2016},
}
""",
)

ENTRIES = (
    Entry(
        name="dcgan-people",
        method="dcgan",
        dataset="Rendered people",
        description="noise to people",
        license="apache-2.0",
        license_notice=terms.RENDERED_PEOPLE,
        origin="trained",
        bundled=True,
    ),
)
