"""Datasets that checkpoints of several methods were trained on."""

#: Names to what they are, in Markdown.
ABOUT = {
    "CamVid": (
        "[CamVid](http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/) is video that was filmed from a car "
        "in and around Cambridge; 701 of its frames have labels. It asks to cite Brostow, Fauqueur, Cipolla: Semantic "
        "object classes in video: a high-definition ground truth database, Pattern Recognition Letters 2009, and "
        "Brostow, Shotton, Fauqueur, Cipolla: Segmentation and recognition using structure from motion point clouds, "
        "ECCV 2008."
    ),
}
#: Names to repositories of the Hub that have them.
ON_HUB = {"horse2zebra": "huggan/horse2zebra"}
