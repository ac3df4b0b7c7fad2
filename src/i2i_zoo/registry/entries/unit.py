"""UNIT and its checkpoints."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="unit",
    implementation="i2i_zoo.methods.unit:UNIT",
    title="UNIT",
    task="unpaired",
    paper="https://arxiv.org/abs/1703.00848",
    citation="""
@inproceedings{liu2017unit,
  title = {{Unsupervised Image-to-Image Translation Networks}},
  author = {Liu, Ming-Yu and Breuel, Thomas and Kautz, Jan},
  booktitle = {Advances in Neural Information Processing Systems (NIPS)},
  year = {2017},
}
""",
)

_TERMS = (
    "Weights by the authors of UNIT (Liu, Breuel, Kautz 2017), NVIDIA Corporation, under CC BY-NC-SA 4.0: "
    "https://github.com/mingyuliutw/UNIT/blob/master/LICENSE.md"
)

ENTRIES = (
    Entry(
        name="unit-camvid",
        method="unit",
        dataset="CamVid",
        description="label map to street scene and back",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="unit-cat2tiger",
        method="unit",
        dataset="ImageNet",
        description="cat face to tiger face and back",
        license="cc-by-nc-sa-4.0",
        license_notice=_TERMS,
        origin="official",
        official={"autoencoder": "https://drive.google.com/uc?id=0BwpOatrZwxK6V1Bwai1GZFQ2Q0k"},
        hparams={"norm": "instance", "discriminator": "separate"},
        preprocess={"size": [216, 216]},
    ),
    Entry(
        name="unit-corgi2husky",
        method="unit",
        dataset="ImageNet",
        description="corgi face to husky face and back",
        license="cc-by-nc-sa-4.0",
        license_notice=_TERMS,
        origin="official",
        official={"autoencoder": "https://drive.google.com/uc?id=0BwpOatrZwxK6NktUSWZRNE14Ym8"},
        hparams={"norm": "instance", "discriminator": "separate"},
        preprocess={"size": [216, 216]},
        recipe_of="unit-cat2tiger",
    ),
    Entry(
        name="unit-synthia2cityscape",
        method="unit",
        dataset="SYNTHIA and Cityscapes",
        description="rendered street (SYNTHIA) to real street and back",
        license="cc-by-nc-sa-4.0",
        license_notice=f"{_TERMS}; {terms.CITYSCAPES}",
        origin="official",
        official={"autoencoder": "https://drive.google.com/uc?id=1iTQFpyMmMLPe1eY2q-7g-3b5OSlYqc6X"},
        hparams={"dropout": 0.5, "discriminator": "multiscale"},
        preprocess={"size": [486, 819]},
    ),
    Entry(
        name="unit-gta2city",
        method="unit",
        dataset="GTA5 and Cityscapes",
        description="game street (GTA5) to real street and back",
        license="cc-by-nc-sa-4.0",
        license_notice=f"{_TERMS}; {terms.CITYSCAPES}",
        origin="official",
        official={"autoencoder": "https://drive.google.com/uc?id=1R9MH_p8tDmUsIAjKCu-jgoilWgANfObx"},
        hparams={"lambda_perceptual": 1.0},
        preprocess={"size": [512, 932]},
    ),
)
