"""DCGAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="dcgan",
    implementation="i2i_zoo.methods.dcgan:DCGAN",
    title="DCGAN",
    task="clips",
    paper="https://arxiv.org/abs/1511.06434",
)

ENTRIES: tuple[Entry, ...] = ()
