"""vid2vid from the landmarks of faces.  It has no checkpoint yet."""

from i2i_zoo.registry.entry import Entry, Method

from .vid2vid import METHOD as VID2VID

METHOD = Method(
    name="vid2vid_face",
    implementation="i2i_zoo.methods.vid2vid:Vid2VidFace",
    title="vid2vid on faces",
    task="face-clips",
    paper=VID2VID.paper,
    citation=VID2VID.citation,
)

ENTRIES: tuple[Entry, ...] = ()
