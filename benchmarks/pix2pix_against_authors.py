"""pix2pix's training step and inference against the authors' code: the same weights, the same batch, one process.

    git clone https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix authors
    python benchmarks/pix2pix_against_authors.py authors --batch 1 --precision 32

Our step is Lightning's: the timer runs from the start of a batch to its end.  The authors' step runs between two of
ours, so that both meet the same machine.  On the CPU the time is that of one thread, which other programs disturb
little; the minimum is the figure to compare.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import resource
import statistics
import sys
import time
import types
from collections.abc import Callable
from typing import Any

import lightning as L
import torch

from i2i_zoo.methods.pix2pix import Pix2Pix


def authors_model(checkout: str, device: str) -> Any:
    """Their model as their defaults for pix2pix make it, but without dropout, so that the losses can be compared."""
    sys.path.insert(0, checkout)
    from models.pix2pix_model import Pix2PixModel  # type: ignore[import-not-found]

    networks = {"netG": "unet_256", "netD": "basic", "ngf": 64, "ndf": 64, "n_layers_D": 3, "norm": "batch"}
    training = {"gan_mode": "vanilla", "lr": 2e-4, "beta1": 0.5, "lambda_L1": 100.0, "direction": "AtoB"}
    options = types.SimpleNamespace(
        isTrain=True,
        gpu_ids=[0] if device == "cuda" else [],
        checkpoints_dir="",
        name="",
        preprocess="none",
        input_nc=3,
        output_nc=3,
        no_dropout=True,
        init_type="normal",
        init_gain=0.02,
        **networks,
        **training,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        return Pix2PixModel(options)


def our_model(theirs: Any, example: torch.Tensor) -> Pix2Pix:
    """Our model with their weights: the layers correspond in the order in which they run."""
    model = Pix2Pix(dropout=False)
    model.configure_model()
    model.to(example.device)
    pairs = ((model.generator, theirs.netG, example), (model.discriminator, theirs.netD, example.repeat(1, 2, 1, 1)))
    for ours, other, x in pairs:
        for own, reference in zip(layers(ours, x), layers(other, x), strict=True):
            own.load_state_dict(reference.state_dict())
    return model


def layers(network: torch.nn.Module, x: torch.Tensor) -> list[torch.nn.Module]:
    """The layers with weights, as they run."""
    found: list[torch.nn.Module] = []
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.BatchNorm2d)
    hooks = [m.register_forward_hook(lambda m, *_: found.append(m)) for m in network.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    for layer in found:
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.reset_running_stats()
    return found


def clock(device: str) -> float:
    """Milliseconds: of this thread on the CPU, of the wall once the GPU is done."""
    if device == "cpu":
        return 1e3 * time.thread_time()
    torch.cuda.synchronize()
    return 1e3 * time.perf_counter()


class Race(L.Callback):
    """Times our steps, and theirs in between; keeps the losses of both."""

    def __init__(self, theirs: Any, device: str) -> None:
        self.theirs, self.device = theirs, device
        self.ours_ms: list[float] = []
        self.theirs_ms: list[float] = []
        self.difference: list[float] = []

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        self.start = clock(self.device)

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self.ours_ms.append(clock(self.device) - self.start)
        metrics = trainer.callback_metrics
        start = clock(self.device)
        self.theirs.optimize_parameters()
        self.theirs_ms.append(clock(self.device) - start)
        losses = [
            (2 * metrics["train/discriminator/real"], self.theirs.loss_D_real),
            (2 * metrics["train/discriminator/fake"], self.theirs.loss_D_fake),
            (metrics["train/generator/adversarial"], self.theirs.loss_G_GAN),
            (metrics["train/generator/l1"], self.theirs.loss_G_L1),
        ]
        self.difference.append(max(abs(float(a) / float(b) - 1) for a, b in losses))


def trainer(precision: str, device: str, steps: int, *callbacks: L.Callback) -> L.Trainer:
    return L.Trainer(
        accelerator=device,
        devices=1,
        precision={"32": "32-true", "bf16": "bf16-mixed"}[precision],  # type: ignore[arg-type]
        max_steps=steps,
        log_every_n_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )


def batches(a: torch.Tensor, b: torch.Tensor, steps: int) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(range(steps), collate_fn=lambda _: {"source": a, "target": b})  # type: ignore[arg-type]


def peak_memory(which: str, args: argparse.Namespace, results: Any) -> None:
    """The peak of a process that does three steps of one of the two, in MB."""
    torch.set_num_threads(args.threads)
    a, b = (torch.rand(args.batch, 3, 256, 256, device=args.device) * 2 - 1 for _ in range(2))
    if which == "authors":
        theirs = authors_model(args.checkout, args.device)
        theirs.set_input({"A": a, "B": b, "A_paths": "", "B_paths": ""})
        for _ in range(3):
            theirs.optimize_parameters()
    else:
        trainer(args.precision, args.device, 3).fit(Pix2Pix(dropout=False), batches(a, b, 3))
    used = torch.cuda.max_memory_allocated() if args.device == "cuda" else 0
    results.put(used / 1e6 if used else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def compare(what: str, ours: list[float], theirs: list[float], warm_up: int = 1, **more: Any) -> None:
    """Print one line of JSON."""
    facts: dict[str, Any] = {"what": what}
    for name, values in (("ours", ours[warm_up:]), ("authors", theirs[warm_up:])):
        facts[f"{name}_ms_min"] = round(min(values), 1)
        facts[f"{name}_ms_median"] = round(statistics.median(values), 1)
    facts["times_as_fast"] = round(facts["authors_ms_min"] / facts["ours_ms_min"], 2)
    facts["times_as_fast_by_median"] = round(facts["authors_ms_median"] / facts["ours_ms_median"], 2)
    print(json.dumps(facts | more), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="pix2pix against its authors' code.")
    parser.add_argument("checkout", help="folder of the authors' code")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--precision", choices=["32", "bf16"], default="32", help="ours; theirs is 32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    setting = {"batch": args.batch, "precision": args.precision, "device": args.device, "threads": args.threads}

    # First, while this process is small: a child inherits its parent's peak.
    context = multiprocessing.get_context("spawn")
    memory = {}
    for which in ("ours", "authors"):
        results = context.Queue()
        process = context.Process(target=peak_memory, args=(which, args, results))
        process.start()
        memory[f"{which}_mb"] = round(results.get())
        process.join()
    print(json.dumps({"what": "peak memory", **memory, **setting}))

    a, b = (torch.rand(args.batch, 3, 256, 256, device=args.device) * 2 - 1 for _ in range(2))
    theirs = authors_model(args.checkout, args.device)
    ours = our_model(theirs, a)
    theirs.set_input({"A": a, "B": b, "A_paths": "", "B_paths": ""})
    race = Race(theirs, args.device)
    trainer(args.precision, args.device, args.rounds + 1, race).fit(ours, batches(a, b, args.rounds + 1))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    compare("training step", race.ours_ms, race.theirs_ms, **setting, losses_relative_difference=first)

    ours.eval()
    theirs.eval()
    dtype = {"32": torch.float32, "bf16": torch.bfloat16}[args.precision]
    ours.to(dtype)
    source = a.to(dtype)

    def timed(run: Callable[[], Any]) -> float:
        start = clock(args.device)
        run()
        return clock(args.device) - start

    with torch.inference_mode():
        times = [(timed(lambda: ours(source)), timed(theirs.test)) for _ in range(args.rounds + 1)]
    compare("inference", [t for t, _ in times], [t for _, t in times], **setting)


if __name__ == "__main__":
    main()
