"""Terms of datasets that checkpoints of several methods were trained on."""

CAMVID = (
    "Trained on CamVid (Brostow, Fauqueur, Cipolla 2009), which is offered to researchers with citation and states no "
    "licence."
)
#: To be added to the terms of the weights, after a semicolon.
CITYSCAPES = "trained on Cityscapes, whose terms allow no commercial use: https://www.cityscapes-dataset.com/license/"
PHOTOS_AND_PAINTINGS = (
    "Trained on photographs and paintings from public repositories, some of which are offered for research only; the "
    "card lists them."
)
RENDERED_PEOPLE = "Trained on people that this project's renderer draws; under the Apache License 2.0, like its code."
