"""GcGAN and its checkpoints."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="gcgan",
    implementation="i2i_zoo.methods.gcgan:GcGAN",
    title="GcGAN",
    task="unpaired",
    paper="https://arxiv.org/abs/1809.05852",
    citation="""
@inproceedings{fu2019gcgan,
  title = {{Geometry-Consistent Generative Adversarial Networks for One-Sided Unsupervised Domain Mapping}},
  author = {Fu, Huan and Gong, Mingming and Wang, Chaohui and Batmanghelich, Kayhan and Zhang, Kun
    and Tao, Dacheng},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2019},
}
""",
)

ENTRIES = (
    Entry(
        name="gcgan-camvid",
        method="gcgan",
        dataset="CamVid",
        description="label map to street scene",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="gcgan-camvid-photo2labels",
        method="gcgan",
        dataset="CamVid",
        description="street scene to label map",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="gcgan-cityscapes",
        method="gcgan",
        dataset="Cityscapes",
        description="label map to street scene",
        license="other",
        license_notice=(
            "Weights by the authors of GcGAN (Fu, Gong, Wang, Batmanghelich, Zhang, Tao 2019), who state no licence "
            f"and offer their code for research only: https://github.com/hufu6371/GcGAN; {terms.CITYSCAPES}"
        ),
        origin="official",
        official={"generator_ab": "https://drive.google.com/uc?id=1k5kDCFLuIgBz9WpC1DZKUbJebd8MREFq#"},
        hparams={"lambda_identity": 3.0},
        preprocess={"size": [144, 144], "source_palette": "cityscapes"},
    ),
)
