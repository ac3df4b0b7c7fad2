"""The ten body parts of deformable GANs: where each is in a pose, and how it moves from one pose to another.

Poses are (B, 18, 3): x and y in pixels and visibility, in the order of OpenPose.  Siarohin, Sangineto, Lathuiliere and
Sebe 2018 (arXiv:1801.00055), sec. 3.2; the constants are those of the authors' code.
"""

from __future__ import annotations

import torch
from torch import Tensor

NOSE, RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP = 0, 2, 5, 8, 11

TORSO = (RIGHT_HIP, LEFT_HIP, LEFT_SHOULDER, RIGHT_SHOULDER)
#: The nose, the eyes and the ears.
HEAD = (NOSE, 14, 15, 16, 17)
SHOULDERS = (LEFT_SHOULDER, RIGHT_SHOULDER)
KNEES = (9, 12)
#: Thighs, shins, upper arms and forearms, each right and then left: the two joints of each.
LIMBS = ((8, 9), (11, 12), (9, 10), (12, 13), (2, 3), (5, 6), (3, 4), (6, 7))
#: The index in `LIMBS` of each limb's counterpart on the other side of the body.
OTHER_SIDE = (1, 0, 3, 2, 5, 4, 7, 6)

#: The torso, the head and the limbs.
PARTS = 2 + len(LIMBS)

#: How far limbs reach beyond their second joint, as a share of their length, when they are moved and when they are
#: drawn as masks.  Shins and forearms reach farther, for feet and hands.
REACH_MOVED = (0.1, 0.1, 0.3, 0.3, 0.1, 0.1, 0.3, 0.3)
REACH_DRAWN = (0.1, 0.1, 0.5, 0.5, 0.1, 0.1, 0.5, 0.5)

#: The transform of a missing part, in pixels: all that it fetches is outside the picture.
NOWHERE = (1.0, 0.0, 1000.0, 0.0, 1.0, 1000.0)

#: Points that spread less than this across their main direction, in pixels, lie on a line.
ON_A_LINE = 1e-3


def torso_height(pose: Tensor) -> Tensor:
    """(B,) root mean square of the distances from hip to shoulder in pixels; of one side if the other is not seen."""
    sides = pose[:, [RIGHT_HIP, LEFT_HIP]], pose[:, [RIGHT_SHOULDER, LEFT_SHOULDER]]
    seen = sides[0][..., 2] * sides[1][..., 2]
    squares = (sides[0] - sides[1])[..., :2].square().sum(-1)
    return ((squares * seen).sum(-1) / seen.sum(-1).clamp(min=1)).sqrt()


def part_transforms(source: Tensor, target: Tensor) -> Tensor:
    """How the ten parts move from the source pose to the target pose.

    Args:
        source: Poses (B, 18, 3).
        target: Poses (B, 18, 3).

    Returns:
        (B, 10, 2, 3), float32: the affine map from pixels (x, y, 1) of the target to those of the source.  A torso that
        is incomplete in one pose moves with all points that both show.  A limb that the source lacks moves as its
        counterpart on the other side.  `NOWHERE` for a part that the target lacks, or both sides of the source, and for
        one whose points in the target lie on a line.
    """
    device, source, target = source.device, on_cpu(source), on_cpu(target)
    batch = source.shape[0]  # not len(), which export would take for a constant
    points, counted = source.new_zeros(2, batch, PARTS, 18, 2), source.new_zeros(batch, PARTS, 18)
    points[:, :, :2] = torch.stack([source, target])[:, :, None, :, :2]
    counted[:, 0] = body_points(source, target, TORSO)

    head = both_seen(source, target)[:, HEAD]
    counted[:, 1, HEAD] = head
    counted[:, 1, SHOULDERS] = both_seen(source, target)[:, SHOULDERS] * head.amax(-1, keepdim=True)

    found, wanted = (limb_outlines(pose, REACH_MOVED) for pose in (source, target))
    own, other = limbs_seen(source), limbs_seen(source)[:, OTHER_SIDE]
    points[0, :, 2:, :4] = torch.where(own[..., None, None] > 0, found, found[:, OTHER_SIDE])
    points[1, :, 2:, :4] = wanted
    counted[:, 2:, :4] = (torch.maximum(own, other) * limbs_seen(target))[..., None]
    return fit_affine(points[1], points[0], counted).float().to(device)


def whole_transform(source: Tensor, target: Tensor) -> Tensor:
    """The one transform (B, 1, 2, 3) of the torso and of the knees that both poses (B, 18, 3) show; see above."""
    device, source, target = source.device, on_cpu(source), on_cpu(target)
    counted = body_points(source, target, TORSO + KNEES)[:, None]
    return fit_affine(target[:, None, :, :2], source[:, None, :, :2], counted).float().to(device)


def part_masks(target: Tensor, height: int, width: int) -> Tensor:
    """Where the ten parts are in a picture: (B, 10, height, width) of 0 and 1, from poses (B, 18, 3).

    The torso is everywhere, and brings the background; the head is a square; limbs are rectangles.
    """
    device, target = target.device, exact(target)
    x, y = torch.arange(width, device=target.device), torch.arange(height, device=target.device)[:, None]
    masks = torch.zeros(target.shape[0], PARTS, height, width, device=target.device)
    masks[:, 0] = 1

    seen = target[:, HEAD, 2:]
    centre = (target[:, HEAD, :2] * seen).sum(1) / seen.sum(1).clamp(min=1)
    half = (0.4 * torso_height(target)).floor()[:, None, None]
    left, top = (centre.floor()[..., None, None] - half[:, None]).unbind(1)
    inside = (x >= left) & (x < left + 2 * half) & (y >= top) & (y < top + 2 * half)
    masks[:, 1] = inside * seen.amax(1, keepdim=True)

    corners = limb_outlines(target, REACH_DRAWN)
    masks[:, 2:] = in_polygons(corners, x, y) * limbs_seen(target)[..., None, None]
    return masks.to(device)


def exact(pose: Tensor) -> Tensor:
    """A pose in float64, in which outlines and fits are not decided by rounding; on the CPU if its device has none."""
    return (pose.cpu() if pose.device.type == "mps" else pose).detach().double()


def on_cpu(pose: Tensor) -> Tensor:
    """The same on the CPU: fits are small, and have the same last digits there whatever the device."""
    return exact(pose if pose.is_meta else pose.cpu())


def both_seen(source: Tensor, target: Tensor) -> Tensor:
    """(B, 18): 1 where both poses show a point, else 0."""
    return source[..., 2] * target[..., 2]


def body_points(source: Tensor, target: Tensor, points: tuple[int, ...]) -> Tensor:
    """(B, 18): 1 for the points that tell how a body moves, else 0.

    They are those of ``points`` that both poses show; if one of them lacks a point of the torso, all that both show.
    The authors leave out such pairs.
    """
    seen = both_seen(source, target)
    chosen = seen.new_zeros(18)
    chosen[list(points)] = 1
    return seen * torch.where(seen[:, TORSO].prod(-1, keepdim=True) > 0, chosen, 1.0)


def limbs_seen(pose: Tensor) -> Tensor:
    """(B, 8): 1 where a pose shows both joints of a limb, else 0."""
    return pose[:, LIMBS, 2].prod(-1)


def limb_outlines(pose: Tensor, reach: tuple[float, ...]) -> Tensor:
    """The corners (B, 8, 4, 2) in x and y of the rectangles around the limbs; all on a line for a limb of no length.

    A rectangle is 0.4 torso heights wide.  It reaches a tenth of the limb beyond the first joint, and ``reach`` of the
    rest beyond the second.
    """
    first, second = pose[:, LIMBS, :2].unbind(2)
    start = first + 0.1 * (first - second)
    end = second + pose.new_tensor(reach)[:, None] * (second - start)
    along = end - start
    length = along.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    across = torch.stack([-along[..., 1], along[..., 0]], -1) / length * 0.2 * torso_height(pose)[:, None, None]
    return torch.stack([start + across, start - across, end - across, end + across], 2)


def fit_affine(points: Tensor, images: Tensor, counted: Tensor) -> Tensor:
    """The affine maps (..., 2, 3) that take points (..., N, 2) to their images, all fitted at once.

    It is the total least squares of the direct linear transform, after both sets were centred and scaled to a mean
    square radius of 2 (Hartley 1997), as scikit-image fits it.  If the points match exactly, any fit gives the same.

    Args:
        points: (..., N, 2), float64.
        images: (..., N, 2), float64.
        counted: (..., N): 1 for points that count, else 0.

    Returns:
        (..., 2, 3); `NOWHERE` if the points lie on a line or the images are one point, which leaves the map open.
    """
    near, near_centre, near_scale = normalised(points, counted[..., None])
    far, far_centre, far_scale = normalised(images, counted[..., None])
    known = ~on_a_line(near, near_scale) & (far_scale < 1 / ON_A_LINE)
    # With n = near and f = far, the fit A minimises sum |A n - f|^2 / (1 + |A|^2).  So A (N - u) = F for
    # N = sum n n^T and F = sum f n^T.  That minimum, u, is the smallest root of a cubic.  A decomposition would give
    # the same, but other runtimes lack it.
    n, f = near[..., None], far[..., None, :]
    xx, xy, _, yy = (n * near[..., None, :]).sum(-3).flatten(-2).unbind(-1)
    (px, qx), (py, qy) = [part.unbind(-1) for part in (n * f).sum(-3).unbind(-2)]
    s = far.square().sum((-2, -1))
    pp, pq, qq = px * px + qx * qx, px * py + qx * qy, py * py + qy * qy
    u = smallest_root(
        s * (xx * yy - xy * xy) - (yy * pp - 2 * xy * pq + xx * qq),
        xx * yy - xy * xy + s * (xx + yy) - pp - qq,
        xx + yy + s,
    )
    xx, yy = xx - u, yy - u
    determinant = (xx * yy - xy * xy).where(known, 1.0)
    rows = [
        torch.stack([yy * x - xy * y, xx * y - xy * x], -1) / determinant[..., None] for x, y in ((px, py), (qx, qy))
    ]
    matrix = torch.stack(rows, -2)
    # Undo the scaling: image = far_centre + A (point - near_centre) near_scale / far_scale.
    matrix = matrix * (near_scale / far_scale)[..., None, None]
    offset = far_centre - (matrix * near_centre[..., None, :]).sum(-1)
    fitted = torch.cat([matrix, offset[..., None]], -1)
    return torch.where(known[..., None, None], fitted, fitted.new_tensor(NOWHERE).view(2, 3))


def smallest_root(constant: Tensor, linear: Tensor, square: Tensor) -> Tensor:
    """The smallest root u of constant - linear u + square u^2 - u^3, whose roots are all real and not negative.

    Newton's method, which cannot overshoot it from 0.
    """
    u = torch.zeros_like(constant)
    for _ in range(12):
        value = constant - u * (linear - u * (square - u))
        slope = linear - u * (2 * square - 3 * u)
        u = u + value / slope.clamp(min=1e-12)
    return u


def normalised(points: Tensor, counted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points (..., N, 2) centred and scaled to a mean square radius of 2, with the centre (..., 2) and the scale (...).

    ``counted`` is (..., N, 1); points that do not count become 0.
    """
    count = counted.sum(-2).clamp(min=1)
    centre = (points * counted).sum(-2) / count
    moved = (points - centre[..., None, :]) * counted
    radius = moved.square().sum((-2, -1)) / count[..., 0]
    scale = (2 / radius.clamp(min=1e-12)).sqrt()
    return moved * scale[..., None, None], centre, scale


def on_a_line(points: Tensor, scale: Tensor) -> Tensor:
    """Whether `normalised` points (..., N, 2) lie on a line, within `ON_A_LINE` pixels before they were scaled."""
    x, y = points.unbind(-1)
    xx, yy, xy = x.square().sum(-1), y.square().sum(-1), (x * y).sum(-1)
    across = (xx * yy - xy.square()).clamp(min=0) / (xx + yy).clamp(min=1e-12)  # about the smaller sum of squares
    return across.sqrt() < ON_A_LINE * scale


def in_polygons(corners: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Whether points are in polygons (..., N, 2): (..., H, W), for columns x (W,) and rows y (H, 1).

    A point is inside if a ray from it crosses the outline an odd number of times.  Parallel to the columns, as
    scikit-image casts it.
    """
    start, end = corners, corners.roll(1, -2)
    (x0, y0), (x1, y1) = ([part[..., None, None] for part in each.unbind(-1)] for each in (start, end))
    between = (x0 <= x) != (x1 <= x)
    crossing = y0 + (x - x0) * ((y1 - y0) / (x1 - x0).where(x1 != x0, 1.0))
    return (between & (y < crossing)).sum(-3) % 2 == 1
