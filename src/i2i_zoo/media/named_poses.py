"""Poses that have a name, such as ``waving``, for people who have no file of a pose at hand."""

from __future__ import annotations

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .poses import POINTS

#: The 18 points of each pose in thousandths of the body's height; None for a point that is not seen.  x is 0 in the
#: middle of the hips, and y is 0 on the floor and negative above it, as it goes down in a picture.  They are
#: projections of the skeleton of rendered people.
NAMED_POSES: dict[str, tuple[tuple[int, int] | None, ...]] = {
    "standing": (
        (0, -904), (0, -802), (-105, -802), (-126, -633), (-142, -488), (105, -802), (126, -633), (142, -488),
        (-53, -520), (-61, -283), (-71, -45), (53, -520), (61, -283), (71, -45), (-20, -926), (20, -926), (-46, -912),
        (46, -912),
    ),
    "standing-side": (
        (64, -904), (0, -802), (-4, -802), (-14, -633), (4, -487), (-4, -802), (11, -634), (65, -497), (0, -520),
        (6, -283), (-4, -45), (0, -520), (6, -283), (-4, -45), (50, -926), None, (-2, -912), None,
    ),
    "standing-back": (
        None, (0, -802), (105, -802), (126, -633), (142, -488), (-105, -802), (-126, -633), (-142, -488), (53, -520),
        (61, -283), (71, -45), (-53, -520), (-61, -283), (-71, -45), None, None, (46, -912), (-46, -912),
    ),
    "walking": (
        (72, -860), (10, -761), (-26, -760), (-113, -614), (-151, -471), (38, -761), (120, -612), (248, -542),
        (-24, -479), (77, -271), (142, -45), (24, -479), (-61, -262), (-188, -72), (52, -882), (68, -882), (-6, -870),
        (29, -871),
    ),
    "running": (
        (124, -769), (46, -680), (10, -681), (-139, -603), (-79, -470), (75, -681), (146, -526), (271, -594),
        (-18, -403), (150, -245), (28, -45), (15, -403), (-104, -201), (-326, -154), (108, -793), (121, -793),
        (49, -789), (77, -789),
    ),
    "waving": (
        (0, -904), (0, -802), (-105, -802), (-273, -829), (-290, -976), (105, -802), (126, -633), (142, -488),
        (-53, -520), (-61, -283), (-71, -45), (53, -520), (61, -283), (71, -45), (-20, -926), (20, -926), (-46, -912),
        (46, -912),
    ),
    "arms-up": (
        (0, -904), (0, -802), (-105, -802), (-166, -960), (-220, -1097), (105, -802), (166, -960), (220, -1097),
        (-53, -520), (-61, -283), (-71, -45), (53, -520), (61, -283), (71, -45), (-20, -926), (20, -926), (-46, -912),
        (46, -912),
    ),
    "arms-out": (
        (0, -904), (0, -802), (-105, -802), (-275, -806), (-423, -808), (105, -802), (275, -806), (423, -808),
        (-53, -520), (-61, -283), (-71, -45), (53, -520), (61, -283), (71, -45), (-20, -926), (20, -926), (-46, -912),
        (46, -912),
    ),
    "hands-on-hips": (
        (0, -904), (0, -802), (-105, -802), (-223, -686), (-130, -574), (105, -802), (223, -686), (130, -574),
        (-53, -520), (-61, -283), (-71, -45), (53, -520), (61, -283), (71, -45), (-20, -926), (20, -926), (-46, -912),
        (46, -912),
    ),
}  # fmt: skip

#: The points that tell how tall a person is and where: those of the head, the trunk and the legs.
_UPRIGHT = [number for number, name in enumerate(POINTS) if "elbow" not in name and "wrist" not in name]
_TRUNK = [POINTS.index(name) for name in ("neck", "right shoulder", "left shoulder", "right hip", "left hip")]


def named_pose(name: str, person: Tensor) -> Tensor:
    """A named pose as tall as a person and in the same place.

    The height and the floor are those with which someone who stands has the points of the person's head, trunk and legs
    at the same heights in the picture (least squares).  The hips are below the middle of the person's trunk.

    Args:
        name: One of `NAMED_POSES`.
        person: The person's own pose (18, 3) in pixels, with at least two of these points.

    Returns:
        (18, 3) in pixels.

    Raises:
        ZooError: If the points do not tell a height, as those of someone who stands on the hands.
    """
    standing = _body("standing")[_UPRIGHT, 1].to(person)
    _, y, weight = person[_UPRIGHT].unbind(-1)
    count = weight.sum().clamp(min=1)
    middle, level = (standing * weight).sum() / count, (y * weight).sum() / count
    spread = ((standing - middle).square() * weight).sum()
    height = ((standing - middle) * (y - level) * weight).sum() / spread.clamp(min=1e-6)
    if not height >= 1:
        raise ZooError(
            f"{name}: the pose in the source does not show how tall the person is; give a source with head, trunk or "
            "legs upright, or a pose in pixels."
        )
    trunk = person[_TRUNK] if person[_TRUNK, 2].any() else person[_UPRIGHT]
    centre = (trunk[:, 0] * trunk[:, 2]).sum() / trunk[:, 2].sum()
    body = _body(name).to(person)
    points = body[:, :2] * height + torch.stack([centre, level - height * middle])
    return torch.cat([points * body[:, 2:], body[:, 2:]], 1)


def _body(name: str) -> Tensor:
    """A named pose (18, 3) in heights of the body."""
    rows = [(0, 0, 0) if point is None else (*point, 1000) for point in NAMED_POSES[name]]
    return torch.tensor(rows, dtype=torch.float32) / 1000
