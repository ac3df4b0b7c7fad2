"""DVD-GAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="dvdgan",
    implementation="i2i_zoo.methods.dvdgan:DVDGAN",
    title="DVD-GAN",
    task="clips",
    paper="https://arxiv.org/abs/1907.06571",
)

ENTRIES: tuple[Entry, ...] = ()
