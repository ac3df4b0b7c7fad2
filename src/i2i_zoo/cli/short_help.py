"""The short help of ``fit`` and its kin; ``--help-all`` shows all that Lightning's parser knows."""

from __future__ import annotations

#: What each verb does, and how it is used.
USAGES = {
    "fit": (
        "--config RECIPE",
        "Train or fine-tune, and save the model as a checkpoint in runs/.",
        (
            ("--config pix2pix/camvid", "a recipe of the package"),
            ("--config my.yaml --data.root photos", "a file, on other pictures"),
            ("--config spade/camvid --init_from spade-camvid", "fine-tune a checkpoint"),
            ("--config pix2pix/camvid --ckpt_path last", "continue after a stop"),
        ),
    ),
    "validate": (
        "NAME",
        "Measure on the validation data.",
        (
            ("runs/pix2pix-camvid", "the newest run in a folder"),
            ("hf:org/repo --data.root photos", "a checkpoint of the Hub"),
            ("--config pix2pix/camvid --ckpt_path last", "the last checkpoint of a run"),
        ),
    ),
    "test": (
        "NAME",
        "Measure on the test data.",
        (
            ("pix2pix-camvid", "a checkpoint of the zoo"),
            ("runs/pix2pix-camvid --card", "a run; its card gets the numbers"),
            ("hf:org/repo --data.root photos", "a checkpoint of the Hub"),
        ),
    ),
    "predict": (
        "NAME",
        "Translate the test data.",
        (
            ("pix2pix-camvid", "a checkpoint of the zoo"),
            ("runs/pix2pix-camvid", "the newest run in a folder"),
            ("hf:org/repo --data.root photos", "a checkpoint of the Hub"),
        ),
    ),
}

CONFIG = ("--config RECIPE", "a recipe; later options replace its values")
DATA = ("--data CLASS", "the data; --data.help PairedData shows its options")
LAST = ("--ckpt_path FILE", "the checkpoint of a run; last finds the newest")
ALL = ("--help-all", "all options")

#: The options that people use most, and what they do.
OF_NAMES = (
    ("--data.root DIR", "an option of the data, here their folder"),
    DATA,
    ("--trainer.accelerator cpu", "an option of the trainer"),
    CONFIG,
    LAST,
)
OPTIONS = {
    "fit": (
        CONFIG,
        ("--model CLASS", "the method; --model.help Pix2Pix shows its options"),
        DATA,
        ("--model.width 32", "an option of the method; the data's work alike"),
        ("--trainer.max_epochs 20", "an option of the trainer"),
        LAST,
        ("--init_from NAME", "start with the weights of a checkpoint"),
        ("--seed_everything N", "the seed of all that is random [0]"),
        ALL,
    ),
    "validate": (*OF_NAMES, ALL),
    "test": (("--card", "write the numbers into the card of NAME"), *OF_NAMES, ALL),
    "predict": (*OF_NAMES, ALL),
}


def short_help(verb: str) -> str:
    """The text of ``i2i-zoo <verb> --help``."""
    usage, text, examples = USAGES[verb]
    lines = [f"usage: i2i-zoo {verb} {usage} [options]", "", text, "", "examples:"]
    for arguments, meaning in examples:
        lines += [f"  i2i-zoo {verb} {arguments}", f"      {meaning}"]
    if usage == "NAME":
        lines += ["", "NAME is a checkpoint of the list, hf:org/repo, or the folder of one or of a run."]
        lines += ["Method and data are those that were saved with it; options change the data."]
    lines += ["", "options:"]
    lines += [f"  {option:<25} {meaning}" for option, meaning in OPTIONS[verb]]
    return "\n".join(lines)
