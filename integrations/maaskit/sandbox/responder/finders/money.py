"""Currencies, by their codes, signs and names in two languages.

Amounts are numbers, and found in `shaped`.
"""

from __future__ import annotations

import re
from typing import Final

from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.finders.guess import Guess, has_purpose, takes_text
from maaskit.sandbox.responder.schemas import Slot
from maaskit.sandbox.responder.words import CAMEL

NAMES: Final = (
    ("USD", r"us dollars?|美元|美金|\$"),
    ("EUR", r"euros?|欧元|€"),
    ("GBP", r"(?:british )?pounds?(?: sterling)?|英镑|£"),
    ("JPY", r"(?:japanese )?yen|日元|日圆"),
    ("CNY", r"(?:chinese )?yuan|renminbi|rmb|人民币|(?<=[\d万千百])元|块钱"),
    ("HKD", r"hong kong dollars?|港币|港元"),
    ("TWD", r"(?:new )?taiwan dollars?|新台币|台币"),
    ("SGD", r"singapore dollars?|新加坡元|新币"),
    ("AUD", r"australian dollars?|澳元|澳币"),
    ("NZD", r"new zealand dollars?|新西兰元"),
    ("CAD", r"canadian dollars?|加元|加币"),
    ("CHF", r"swiss francs?|瑞士法郎"),
    ("KRW", r"(?:south )?korean won|(?<=\d )won|韩元|韩币"),
    ("INR", r"(?:indian )?rupees?|卢比"),
    ("THB", r"(?:thai )?baht|泰铢"),
    ("RUB", r"(?:russian )?roubles?|(?:russian )?rubles?|卢布"),
    ("BRL", r"brazilian reais|brazilian real|雷亚尔"),
    ("MXN", r"mexican pesos?|比索"),
    ("SEK", r"swedish kron(?:or|a)|瑞典克朗"),
    ("NOK", r"norwegian kron(?:er|e)|挪威克朗"),
    ("DKK", r"danish kron(?:er|e)|丹麦克朗"),
    ("ZAR", r"(?:south african )?rands?|兰特"),
    ("AED", r"dirhams?|迪拉姆"),
    ("MYR", r"ringgits?|林吉特"),
    ("VND", r"vietnamese dong|越南盾"),
)
PLAIN_DOLLARS: Final = ("USD", r"dollars?")
"""After those of other countries."""
CODES: Final = "|".join(code for code, _ in NAMES)
CURRENCY: Final = re.compile(
    rf"(?<![A-Za-z])(?:(?P<code>{CODES})|"
    + "|".join(rf"(?P<{code}_>{names})" for code, names in (*NAMES, ("USD_", PLAIN_DOLLARS[1])))
    + r")(?![A-Za-z])",
    re.IGNORECASE,
)
INTO: Final = re.compile(r"(?i)(?:\b(?:to|into|in)\s*|[成为到换]\s*|兑换?(?:多少|几)?\s*|(?:多少|几)\s*)$")
IS_TARGET: Final = re.compile(r"(?i)\b(?:target|to|into|quote|dest\w*|output|wanted)\b|目标|换成|兑换成")
IS_SOURCE: Final = re.compile(r"(?i)\b(?:source|from|base|origin\w*|input|given)\b|原|来源|基准")


def find_currency(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take a currency, for a property that wants one.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        Its code: the one after "to", "in" or 换成 for a target, else the first that is not; or None.
    """
    if takes_text(slot) is None or not has_purpose(slot, "currency"):
        return None
    found = [m for m in CURRENCY.finditer(evidence.plain) if evidence.is_free(*m.span())]
    wanted = [m for m in found if INTO.search(evidence.plain[: m.start()])]
    given = [m for m in found if m not in wanted]
    ordered = [*wanted, *given[::-1]] if _is_target(slot) else [*given, *wanted]
    return Guess(_code_of(ordered[0]), ordered[0].span()) if ordered else None


def _is_target(slot: Slot) -> bool:
    name = CAMEL.sub(" ", slot.name)
    if IS_TARGET.search(name) or IS_SOURCE.search(name):
        return IS_TARGET.search(name) is not None
    return IS_TARGET.search(slot.description) is not None


def _code_of(match: re.Match[str]) -> str:
    return (match["code"] or str(match.lastgroup).rstrip("_")).upper()
