"""VGAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="vgan",
    implementation="i2i_zoo.methods.vgan:VGAN",
    title="VGAN",
    task="clips",
    paper="https://arxiv.org/abs/1609.02612",
)

ENTRIES: tuple[Entry, ...] = ()
