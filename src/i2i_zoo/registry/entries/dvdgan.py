"""DVD-GAN."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="dvdgan",
    implementation="i2i_zoo.methods.dvdgan:DVDGAN",
    title="DVD-GAN",
    task="clips",
    paper="https://arxiv.org/abs/1907.06571",
    citation="""
@misc{clark2019dvdgan,
  title = {{Adversarial Video Generation on Complex Datasets}},
  author = {Clark, Aidan and Donahue, Jeff and Simonyan, Karen},
  howpublished = {arXiv:1907.06571},
  year = {2019},
}
""",
)

ENTRIES = (
    Entry(
        name="dvdgan-shapes",
        method="dvdgan",
        dataset="Moving shapes",
        description="noise to clips of moving shapes",
        license="apache-2.0",
        license_notice=terms.RENDERED_SHAPES,
        origin="trained",
        bundled=True,
    ),
)
