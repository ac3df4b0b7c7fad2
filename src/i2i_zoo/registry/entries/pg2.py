"""PG2."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="pg2",
    implementation="i2i_zoo.methods.pg2:PG2",
    title="PG2",
    task="pose",
    paper="https://arxiv.org/abs/1705.09368",
)

ENTRIES: tuple[Entry, ...] = ()
