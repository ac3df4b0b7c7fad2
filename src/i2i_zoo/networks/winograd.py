"""A 3x3 convolution with two thirds of the multiplications (Winograd 1980; Lavin, Gray 2016, arXiv:1509.09308).

Two rows of the output need four rows of the input.  Three taps down the column would take six multiplications for the
two; four are enough if rows of the input, and rows of the kernel, are added up before (F(2, 3) of the paper, sec. 4.1).
Across a row the convolution is an ordinary one.

It rounds no more coarsely than torch's convolution: sums are shorter, and all factors are 1 and 1/2.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn import grad

#: The sums of rows (eq. 7): two of the four rows, and the sign of the second.  The last is the negative of the paper's.
SUMS = ((0, 2, -1), (1, 2, 1), (2, 1, -1), (3, 1, -1))


def convolve_rows(x: Tensor, weight: Tensor) -> Tensor:
    """The convolution of x (B, C, H + 2, W + 2) with a weight (D, C, 3, 3): (B, D, H, W).

    H is even.  The border is part of x.  It can be differentiated once.
    """
    output: Tensor = RowConvolution.apply(x, weight)
    return output


class RowConvolution(torch.autograd.Function):
    """`convolve_rows`.  Sums of rows are made again in the backward pass, since keeping them takes twice the memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        first, plus, minus, last = (
            F.conv2d(rows_of(x, n), kernel) for n, kernel in enumerate(kernels_of(weight))
        )  # (B, D, H / 2, W) each
        batch, channels, half, width = first.shape
        output = x.new_empty(batch, channels, half, 2, width)
        torch.add(first.add_(plus), minus, out=output[:, :, :, 0])
        torch.add(plus.sub_(minus), last, out=output[:, :, :, 1])
        return output.view(batch, channels, 2 * half, width)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight = ctx.needs_input_grad
        even, odd = gradient[:, :, 0::2].contiguous(), gradient[:, :, 1::2].contiguous()
        gradients = (even, even + odd, even - odd, odd)
        of_x = torch.zeros_like(x) if needs_x else None
        of_kernels = []
        size = (*x.shape[:2], even.shape[2], x.shape[3])
        for n, (kernel, product) in enumerate(zip(kernels_of(weight), gradients, strict=True)):
            if of_x is not None:
                add_rows(of_x, n, grad.conv2d_input(size, kernel, product))  # type: ignore[no-untyped-call]  # as torch has it
            if needs_weight:
                of_kernels.append(grad.conv2d_weight(rows_of(x, n), kernel.shape, product))  # type: ignore[no-untyped-call]  # likewise
        if not needs_weight:
            return of_x, None
        first, plus, minus, last = of_kernels
        both, middle = (plus + minus) / 2, (plus - minus) / 2
        return of_x, torch.cat([first + both, middle, both + last], 2)


def kernels_of(weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four sums of the kernel's rows, (D, C, 1, 3) each (eq. 7 of the paper)."""
    above, here, below = torch.split(weight, 1, 2)
    outer = above + below
    return above, (outer + here) / 2, (outer - here) / 2, below


def rows_of(x: Tensor, n: int) -> Tensor:
    """The n-th of the four sums of rows: x (B, C, H + 2, W + 2) to (B, C, H / 2, W + 2)."""
    one, other, sign = SUMS[n]
    rows = quadruples(x)
    return torch.add(rows[one], rows[other], alpha=sign)


def add_rows(x: Tensor, n: int, rows: Tensor) -> None:
    """Add a gradient of `rows_of` to the gradient of x, in place."""
    one, other, sign = SUMS[n]
    of_rows = quadruples(x)
    of_rows[one].add_(rows)
    of_rows[other].add_(rows, alpha=sign)


def quadruples(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four rows that each pair of rows of the output needs, as views of x."""
    even, odd = x[:, :, 0::2], x[:, :, 1::2]
    return even[:, :, :-1], odd[:, :, :-1], even[:, :, 1:], odd[:, :, 1:]
