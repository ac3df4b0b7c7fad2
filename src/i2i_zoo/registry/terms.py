"""Licences, and the terms of datasets that checkpoints of several methods were trained on."""

#: The Hub's identifiers of licences to those of SPDX.  Others, such as ``other``, have no text at SPDX.
SPDX = {
    "apache-2.0": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "mit": "MIT",
}

CAMVID = (
    "Trained on CamVid (Brostow, Fauqueur, Cipolla 2009), which is offered to researchers with citation and states no "
    "licence; the weights are offered on the same understanding: "
    "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/"
)
#: To be added to the terms of the weights, after a semicolon.
CITYSCAPES = "trained on Cityscapes, whose terms allow no commercial use: https://www.cityscapes-dataset.com/license/"
PHOTOS_AND_PAINTINGS = (
    "Trained on photographs and paintings from public repositories, which the card lists. Some of them are offered for "
    "research only, such as those of ImageNet: https://www.image-net.org/download.php"
)
RENDERED_PEOPLE = "Trained on people that this project's renderer draws; under the Apache License 2.0, like its code."
RENDERED_STREETS = "Trained on streets that this project's renderer draws; under the Apache License 2.0, like its code."
RENDERED_SHAPES = "Trained on moving shapes that this project draws; under the Apache License 2.0, like its code."
