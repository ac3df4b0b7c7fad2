"""vid2vid from the landmarks of faces, and the authors' checkpoint."""

from i2i_zoo.registry.entry import Entry, Method

from .vid2vid import LICENSE_NOTICE
from .vid2vid import METHOD as VID2VID

METHOD = Method(
    name="vid2vid_face",
    implementation="i2i_zoo.methods.vid2vid:Vid2VidFace",
    title="vid2vid on faces",
    task="face-clips",
    paper=VID2VID.paper,
    citation=VID2VID.citation,
)

ENTRIES = (
    Entry(
        name="vid2vid_face-faceforensics",
        method="vid2vid_face",
        dataset="FaceForensics",
        description="landmarks of a face to its video",
        license="cc-by-nc-sa-4.0",
        license_notice=LICENSE_NOTICE,
        origin="official",
        # Their script's archive has, beside it, the network that makes a first frame; here the user gives one.
        official={
            "generator": "https://drive.google.com/uc?id=10LvNw-2lrh-6sPGkWbQDfHspkqz5AKxb#edge2face_512/latest_net_G0.pth"
        },
        hparams={"first_frame": "given"},
        preprocess={"size": [512, 512], "background": True},
    ),
)
