"""MoCoGAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="mocogan",
    implementation="i2i_zoo.methods.mocogan:MoCoGAN",
    title="MoCoGAN",
    task="clips",
    paper="https://arxiv.org/abs/1707.04993",
    citation="""
@inproceedings{tulyakov2018mocogan,
  title = {{MoCoGAN: Decomposing Motion and Content for Video Generation}},
  author = {Tulyakov, Sergey and Liu, Ming-Yu and Yang, Xiaodong and Kautz, Jan},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2018},
}
""",
)

ENTRIES: tuple[Entry, ...] = ()
