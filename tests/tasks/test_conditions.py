"""Every condition of every method, with values that are wrong: each ends in one sentence."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.methods.base import Method
from methods.every import by_method

NAN = float("nan")
WRONG: list[Any] = [
    *(True, -1, 0, 1.5, NAN, float("inf"), -1e308, 2**70, 10**400, "", "1", "nothing", "a\0b", "\x1b[31m", "x" * 5000),
    *(b"x", [], {}, (), [None], [NAN], ["a", "b"], [0, 0], [1, 2, 3], [[1]], {"a": 1}, object(), int, Path("nothing")),
    *(torch.full((3, 64, 64), NAN), torch.zeros(0), torch.tensor(1.0), torch.zeros(3, 64, 64, device="meta")),
    *(np.zeros((0, 3)), np.full((64, 64, 3), NAN), np.array(["a"]), Image.new("RGB", (1, 1)), Image.new("P", (64, 64))),
]


@cache
def built(name: str) -> Method:
    model = by_method()[name]().build()
    return model.eval()


def attempt(name: str, conditions: dict[str, Any]) -> str:
    """The sentence that refuses the conditions; empty if they are taken."""
    tester, model = by_method()[name](), built(name)
    try:
        if model.verb == "sample":
            model.sample(1, **conditions)
        else:
            example = model.example_batch(1, *tester.size)
            model.translate(example[model.batch_keys[0]][0], **conditions)
    except ZooError as error:
        return str(error)
    return ""


def is_sentence(text: str) -> bool:
    return text.isprintable() and text.endswith(".") and len(text) < 400


# A picture that is given as a pose goes to the pose estimator.
@pytest.mark.parametrize("name", sorted(by_method()))
def test_wrong_conditions(name: str, keypoint_rcnn: Path) -> None:
    tester, model = by_method()[name](), built(name)
    required = tester.required(model) if model.verb == "translate" else {}
    given = tester.given(model)
    assert attempt(name, required | given) == ""
    sentence = attempt(name, {**required, **given, "colour": 1})
    assert "takes no colour: leave it out" in sentence
    for condition in required:
        sentence = attempt(name, {key: value for key, value in (required | given).items() if key != condition})
        assert f"needs {condition} (" in sentence
    for condition in model.conditions:
        for value in WRONG:
            sentence = attempt(name, {**required, **given, condition.name: value})
            for long in ("x" * 5000, str(10**400)):  # such a value is named in full
                sentence = sentence.replace(long, "x")
            assert is_sentence(sentence or "taken."), (condition.name, value, sentence)
        if other := condition.excludes:
            example = {"style": torch.zeros(3, 64, 64), "seed": 0, "weights": [1.0], "masks": [torch.zeros(64, 64)]}
            both = {key: example.get(key, 1) for key in (condition.name, other)}
            assert f"Both {condition.name} and {other} were given" in attempt(name, {**required, **given, **both})
