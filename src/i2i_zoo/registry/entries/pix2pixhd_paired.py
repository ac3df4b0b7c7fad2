"""pix2pixHD from pictures to pictures, without label maps.  It has no checkpoint yet."""

from i2i_zoo.registry.entry import Entry, Method

from .pix2pixhd import METHOD as PIX2PIXHD

METHOD = Method(
    name="pix2pixhd_paired",
    implementation="i2i_zoo.methods.pix2pixhd:Pix2PixHDPaired",
    title="pix2pixHD on pairs",
    task="paired",
    paper=PIX2PIXHD.paper,
    citation=PIX2PIXHD.citation,
)

ENTRIES: tuple[Entry, ...] = ()
