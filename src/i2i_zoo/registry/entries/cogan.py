"""CoGAN and its checkpoints."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="cogan",
    implementation="i2i_zoo.methods.cogan:CoGAN",
    title="CoGAN",
    task="unpaired",
    paper="https://arxiv.org/abs/1606.07536",
    citation="""
@inproceedings{liu2016cogan,
  title = {{Coupled Generative Adversarial Networks}},
  author = {Liu, Ming-Yu and Tuzel, Oncel},
  booktitle = {Advances in Neural Information Processing Systems (NIPS)},
  year = {2016},
}
""",
)

ENTRIES = (
    Entry(
        name="cogan-camvid",
        method="cogan",
        dataset="CamVid",
        description="label map to street scene and back",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="cogan-digits",
        method="cogan",
        dataset="Generated digits",
        description="digit to its edges and back",
        license="apache-2.0",
        license_notice="Trained on digits that this project draws; under the Apache License 2.0, like its code.",
        origin="trained",
        bundled=True,
    ),
)
