"""pix2pix on poses."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="pix2pix_pose",
    implementation="i2i_zoo.methods.pix2pix_pose:Pix2PixPose",
    title="pix2pix on poses",
    task="pose",
    paper="https://arxiv.org/abs/1611.07004",
)

ENTRIES: tuple[Entry, ...] = ()
