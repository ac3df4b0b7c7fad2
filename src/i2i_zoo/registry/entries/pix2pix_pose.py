"""pix2pix on poses."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

from .pix2pix import METHOD as PIX2PIX

METHOD = Method(
    name="pix2pix_pose",
    implementation="i2i_zoo.methods.pix2pix_pose:Pix2PixPose",
    title="pix2pix on poses",
    task="pose",
    paper=PIX2PIX.paper,
    citation=PIX2PIX.citation,
)

ENTRIES = (
    Entry(
        name="pix2pix_pose-people",
        method="pix2pix_pose",
        dataset="Rendered people",
        description="person to the same person in another pose",
        license="apache-2.0",
        license_notice=terms.RENDERED_PEOPLE,
        origin="trained",
        bundled=True,
    ),
)
