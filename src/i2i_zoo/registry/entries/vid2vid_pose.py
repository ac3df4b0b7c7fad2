"""vid2vid from poses.  It has no checkpoint yet."""

from i2i_zoo.registry.entry import Entry, Method

from .vid2vid import METHOD as VID2VID

METHOD = Method(
    name="vid2vid_pose",
    implementation="i2i_zoo.methods.vid2vid:Vid2VidPose",
    title="vid2vid on poses",
    task="dancer",
    paper=VID2VID.paper,
    citation=VID2VID.citation,
)

ENTRIES: tuple[Entry, ...] = ()
