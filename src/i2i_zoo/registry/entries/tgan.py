"""TGAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="tgan",
    implementation="i2i_zoo.methods.tgan:TGAN",
    title="TGAN",
    task="clips",
    paper="https://arxiv.org/abs/1611.06624",
)

ENTRIES: tuple[Entry, ...] = ()
