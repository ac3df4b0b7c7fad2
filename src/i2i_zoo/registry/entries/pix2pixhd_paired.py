"""pix2pixHD from pictures to pictures, without label maps.  It has no checkpoint yet."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="pix2pixhd_paired",
    implementation="i2i_zoo.methods.pix2pixhd:Pix2PixHDPaired",
    title="pix2pixHD on pairs",
    task="paired",
    paper="https://arxiv.org/abs/1711.11585",
)

ENTRIES: tuple[Entry, ...] = ()
