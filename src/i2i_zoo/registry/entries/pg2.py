"""PG2."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="pg2",
    implementation="i2i_zoo.methods.pg2:PG2",
    title="PG2",
    task="pose",
    paper="https://arxiv.org/abs/1705.09368",
    citation="""
@inproceedings{ma2017pg2,
  title = {{Pose Guided Person Image Generation}},
  author = {Ma, Liqian and Jia, Xu and Sun, Qianru and Schiele, Bernt and Tuytelaars, Tinne and Van Gool, Luc},
  booktitle = {Advances in Neural Information Processing Systems (NIPS)},
  year = {2017},
}
""",
)

ENTRIES: tuple[Entry, ...] = ()
