"""MUNIT and its checkpoint."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="munit",
    implementation="i2i_zoo.methods.munit:MUNIT",
    title="MUNIT",
    task="unpaired",
    paper="https://arxiv.org/abs/1804.04732",
    citation="""
@inproceedings{huang2018munit,
  title = {{Multimodal Unsupervised Image-to-Image Translation}},
  author = {Huang, Xun and Liu, Ming-Yu and Belongie, Serge and Kautz, Jan},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2018},
}
""",
)

ENTRIES = (
    Entry(
        name="munit-edges2shoes",
        method="munit",
        dataset="UT Zappos50K with HED edges",
        description="shoe edges to shoe photos in many styles and back",
        license="cc-by-nc-sa-4.0",
        license_notice=(
            "Weights by the authors of MUNIT (Huang, Liu, Belongie, Kautz 2018), NVIDIA Corporation, under "
            "CC BY-NC-SA 4.0: https://github.com/NVlabs/MUNIT/blob/master/LICENSE.md"
        ),
        origin="official",
        official={
            "autoencoder_a": "https://drive.google.com/drive/folders/10IEa7gibOWmQQuJUIUOkh-CV4cm6k8__#edges2shoes.pt"
        },
        preprocess={"size": [256, 256]},
    ),
)
