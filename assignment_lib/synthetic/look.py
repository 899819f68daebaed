"""The colours of one person: skin, hair, clothes, shoes, bags and hat, the same in every picture of the person."""

from __future__ import annotations

from dataclasses import dataclass

from assignment_lib.synthetic.colors import NAMES, Color, from_hsv, pick, shade
from assignment_lib.synthetic.person import Person

_SHOES = ("white", "white", "black", "gray", "red", "blue")
_BAGS = ("black", "black", "brown", "red", "blue", "gray", "pink", "green")
_HATS = ("red", "white", "blue", "black", "yellow", "green")


@dataclass(frozen=True)
class Look:
    """One colour for each thing a person has; `up2`, `up3` and `down2` differ from `up` and `down` for multicolor only."""

    skin: Color
    hair: Color
    up: Color
    up2: Color
    up3: Color
    down: Color
    down2: Color
    detail: Color
    shoe: Color
    bag: Color
    backpack: Color
    handbag: Color
    hat: Color


def look_of(who: Person) -> Look:
    """Return the colours that a person's classes and traits give."""
    t, c = who.traits, who.classes
    up, up2, up3 = _clothes(c["upcolor"], t["hue"], t["saturation"], t["value"], t["color2"], t["color3"])
    down, down2, _ = _clothes(
        c["downcolor"], t["down_hue"], t["down_saturation"], t["down_value"], t["down_color2"], t["hue2"]
    )
    return Look(
        skin=from_hsv(22 + 6 * t["skin"], 0.50 - 0.22 * t["skin"], 0.62 + 0.30 * t["skin"]),
        hair=_hair(who),
        up=up,
        up2=up2,
        up3=up3,
        down=down,
        down2=down2,
        detail=shade(pick(NAMES, t["detail_color"]), t["hue2"], 0.7, 0.7),
        shoe=_shoe(who),
        bag=shade(pick(_BAGS, t["bag_color"]), 0.5, 0.5, t["bag_value"]),
        backpack=shade(pick(_BAGS, t["pack_color"]), 0.5, 0.6, t["pack_value"]),
        handbag=shade(pick(_BAGS, t["handbag_color"]), 0.5, 0.6, 0.6),
        hat=shade(pick(_HATS, t["hat_color"]), 0.5, 0.6, 0.6),
    )


def _hair(who: Person) -> Color:
    t = who.traits
    if who.classes["age"] == "old":
        return from_hsv(40, 0.03, 0.66 + 0.26 * t["hair_value"])
    return from_hsv(20 + 12 * t["hair"], 0.25 + 0.4 * t["hair"], 0.07 + 0.22 * t["hair_value"] ** 2)


def _shoe(who: Person) -> Color:
    """Trainers of any colour for the young, leather for adults and the old."""
    t = who.traits
    if who.classes["age"] in ("adult", "old"):
        return from_hsv(20 + 15 * t["shoe"], 0.35 + 0.3 * t["shoe"], 0.10 + 0.16 * t["shoe_value"])
    return shade(pick(_SHOES, t["shoe"]), 0.5, 0.6, t["shoe_value"])


def _clothes(
    name: str, hue: float, saturation: float, value: float, second: float, third: float
) -> tuple[Color, Color, Color]:
    """Main colour and two more; they differ in kind only for multicolor."""
    if name != "multicolor":
        main = shade(name, hue, saturation, value)
        return main, main, main
    names = [color for color in NAMES if color not in ("brown", "gray")]
    first = names.pop(int(hue * len(names)))
    other = names.pop(int(second * len(names)))
    return (
        shade(first, 0.5, saturation, value),
        shade(other, 0.5, saturation, value),
        shade(pick(names, third), 0.5, saturation, value),
    )
