"""Ways of running CycleGAN's two generators: one after the other, stacked as grouped convolutions, batched.

    python benchmarks/two_generators.py

Residual generators of width 64 and 3 blocks, 128x128, forward and backward in 32 bit; milliseconds of CPU time of one
thread, the minimum of some rounds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import torch
from torch import Tensor

from i2i_zoo.networks.resnet import ResNetGenerator

ROUNDS = 4


def milliseconds(run: Callable[[], Tensor]) -> float:
    """Of forward and backward."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        start = time.thread_time()
        run().square().mean().backward()
        best = min(best, time.thread_time() - start)
    return round(1e3 * best, 1)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # As at inference, with plain convolutions: those by Winograd's algorithm cannot be stacked.
    generators = [ResNetGenerator(blocks=3).eval() for _ in range(2)]
    a, b = (torch.rand(1, 3, 128, 128) * 2 - 1 for _ in range(2))

    def one_after_the_other() -> Tensor:
        return torch.cat([generators[0](a), generators[1](b)])

    stacked, _ = torch.func.stack_module_state(generators)  # type: ignore[arg-type]
    skeleton = ResNetGenerator(blocks=3).eval().to("meta")

    def one(parameters: dict[str, Tensor], image: Tensor) -> Tensor:
        return torch.func.functional_call(skeleton, parameters, (image,))

    def grouped() -> Tensor:
        return torch.vmap(one)(stacked, torch.stack([a, b])).flatten(0, 1)

    def twice() -> Tensor:
        return torch.cat([generators[0](a), generators[0](b)])

    def batched() -> Tensor:
        return generators[0](torch.cat([a, b]))

    results = {
        "two generators, one after the other": milliseconds(one_after_the_other),
        "two generators, stacked with vmap": milliseconds(grouped),
        "one generator, two passes": milliseconds(twice),
        "one generator, a batch of two": milliseconds(batched),
    }
    torch.testing.assert_close(grouped(), one_after_the_other(), rtol=1e-4, atol=1e-4)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
