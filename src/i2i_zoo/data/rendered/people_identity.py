"""Who a rendered person is: proportions, skin, hair and clothes, all drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .street_drawing import Colour, mix

_SKIN: list[Colour] = [(246, 213, 190), (236, 190, 160), (214, 160, 124), (176, 120, 84), (128, 82, 56), (82, 52, 38)]
_HAIR: list[Colour] = [
    (24, 20, 18),
    (44, 30, 22),
    (82, 54, 34),
    (128, 88, 52),
    (190, 154, 100),
    (140, 138, 136),
    (134, 62, 30),
]
# Colours as clothes have them: greys, blues and earths more often than bright ones.
_TOPS: list[Colour] = [
    *((236, 234, 228), (28, 29, 32), (118, 120, 124), (72, 76, 84), (34, 46, 78), (62, 92, 140), (140, 172, 204)),
    *((112, 34, 44), (172, 44, 44), (44, 74, 56), (92, 100, 66), (206, 188, 156), (204, 150, 60), (198, 128, 130)),
    *((60, 122, 126), (104, 76, 112), (190, 96, 58), (226, 208, 110)),
]
_BOTTOMS: list[Colour] = [
    *((38, 50, 78), (62, 84, 122), (108, 132, 164), (30, 31, 34), (74, 76, 80), (132, 132, 130), (170, 150, 116)),
    *((92, 74, 56), (72, 78, 56), (202, 192, 172), (96, 36, 44)),
]
_SHOES: list[Colour] = [(24, 24, 26), (232, 230, 226), (98, 66, 42), (120, 122, 126), (150, 48, 44), (44, 56, 90)]


def contrast(a: Colour, b: Colour) -> float:
    """The difference of two colours in grey levels, the mean over red, green and blue."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 3


def _other(rng: np.random.Generator, colours: list[Colour], than: Colour, least: float = 45) -> Colour:
    """A random colour that can be told from another."""
    different = [colour for colour in colours if contrast(colour, than) >= least]
    return different[rng.integers(len(different))]


@dataclass(frozen=True)
class Identity:
    """What one person looks like.

    Lengths are in body heights, as in `people_skeleton.make_skeleton`; colours are RGB from 0 to 255.  `draw_identity`
    has the choices for hair, hats, patterns, sleeves, prints, bags and the lower half.
    """

    shoulders: float
    hips: float
    legs: float
    weight: float
    head: float
    bust: float
    skin: Colour
    hair: Colour
    haircut: str
    beard: bool
    glasses: bool
    hat: str
    hat_colour: Colour
    top: Colour
    top_accent: Colour
    pattern: str
    pattern_step: float
    sleeves: str
    sleeve_colour: Colour
    jacket: bool
    shirt: Colour
    print_colour: Colour
    chest_print: str
    back_print: bool
    lower: str
    lower_length: float
    bottom: Colour
    stripe: Colour | None
    tucked: bool
    shoes: Colour
    socks: Colour
    bag: str
    bag_colour: Colour


def draw_identity(seed: int) -> Identity:
    """The person of a seed: the same seed is always the same person."""
    rng = np.random.default_rng([seed, 1601])

    def one(choices: dict[str, float]) -> str:
        share = np.array(list(choices.values()))
        return str(rng.choice(list(choices), p=share / share.sum()))

    def colour(colours: list[Colour]) -> Colour:
        base = colours[rng.integers(len(colours))]
        factor = rng.uniform(0.88, 1.1)
        r, g, b = (float(np.clip(channel * factor * rng.normal(1, 0.03), 4, 250)) for channel in base)
        return r, g, b

    woman = rng.random() < 0.5
    tone = rng.uniform(0, len(_SKIN) - 1)
    skin = mix(_SKIN[int(tone)], _SKIN[min(int(tone) + 1, len(_SKIN) - 1)], tone % 1)
    hair_colours = _HAIR if tone < 2 else _HAIR[:3]
    top, bottom = colour(_TOPS), colour(_BOTTOMS)
    if contrast(bottom, top) <= 18:
        bottom = _other(rng, _BOTTOMS, top)
    accent = _other(rng, _TOPS, top)
    lower = one({"trousers": 0.5, "shorts": 0.15, "skirt": 0.35}) if woman else one({"trousers": 0.75, "shorts": 0.25})
    jacket = rng.random() < 0.22
    pattern = one({"plain": 5, "stripes": 2, "pinstripes": 0.8, "checks": 1, "dots": 0.7, "yoke": 1, "band": 1})
    if jacket:
        pattern = "plain"
    return Identity(
        shoulders=rng.normal(0.1, 0.003) if woman else rng.normal(0.11, 0.004),
        hips=rng.normal(0.055, 0.002) if woman else rng.normal(0.052, 0.002),
        legs=rng.normal(1, 0.025),
        weight=float(np.clip(rng.normal(1.06, 0.11), 0.9, 1.4)),
        head=rng.normal(1.02, 0.03),
        bust=rng.uniform(0.5, 1) if woman else 0.0,
        skin=skin,
        hair=colour(hair_colours),
        haircut=one({"long": 4, "bob": 2, "tail": 2, "bun": 1, "short": 1})
        if woman
        else one({"short": 6, "bald": 1, "bob": 0.6, "curly": 1}),
        beard=not woman and rng.random() < 0.25,
        glasses=rng.random() < 0.15,
        hat=one({"none": 8, "cap": 1, "beanie": 1}),
        hat_colour=colour(_TOPS),
        top=top,
        top_accent=accent,
        pattern=pattern,
        pattern_step=rng.uniform(0.028, 0.055),
        sleeves="long" if jacket else one({"long": 5, "short": 4, "none": 1 if woman else 0.2}),
        sleeve_colour=accent if rng.random() < 0.12 else top,
        jacket=jacket,
        shirt=_other(rng, _TOPS, top),
        print_colour=_other(rng, _TOPS, top, 60),
        chest_print="none"
        if pattern != "plain"
        else one({"badge": 1, "none": 1} if jacket else {"badge": 3, "disc": 2, "letters": 2, "none": 1}),
        back_print=pattern == "plain" and rng.random() < 0.3,
        lower=lower,
        lower_length=rng.uniform(0.62, 1.0),
        bottom=bottom,
        stripe=_other(rng, _TOPS, bottom, 60) if lower != "skirt" and rng.random() < 0.3 else None,
        tucked=lower == "skirt" or bool(rng.random() < 0.4 and not jacket),
        shoes=colour(_SHOES),
        socks=_other(rng, _SHOES, skin, 30),
        bag=one({"none": 6, "rucksack": 2.5, "shoulder bag": 1.5}),
        bag_colour=_other(rng, _TOPS, top),
    )
