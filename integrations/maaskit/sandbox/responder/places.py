"""Several places named at once, as in "Paris, Rome and Oslo" or "北京和上海".

A single place is found by `finders.named.find_place`.
"""

from __future__ import annotations

import re
from typing import Final

from maaskit.sandbox.responder.finders.named import NOT_A_PLACE
from maaskit.sandbox.responder.gazetteer import BY_NAME
from maaskit.sandbox.responder.words import halfwidth

NAME: Final = r"[A-Z][\w'’-]*(?:[ \t]+[A-Z][\w'’-]*)*"
LIST: Final = re.compile(
    rf"\b(?:in|at|for|of|between|both)[ \t]+(?P<list>{NAME}(?:[ \t]*,[ \t]*{NAME})*,?[ \t]+(?:and|"
    rf"&|or)[ \t]+(?:(?:in|at|for)[ \t]+)?{NAME})"
)
CHINESE_LIST: Final = re.compile(
    r"(?P<list>[\u3400-\u9fff]{2,4}(?:[、,][\u3400-\u9fff]{2,4})*(?:和|与|以及|跟|"
    r"、)[\u3400-\u9fff]{2,4}?)(?=的|今天|明天|现在|天气|气温|两|三|$|[,。?])"
)


def several_places(text: str) -> list[str]:
    """Find places that are named in one breath.

    Args:
        text: What the user said.

    Returns:
        The places in order; fewer than two when there is no such list.
    """
    plain = halfwidth(text)
    match = LIST.search(plain)
    if match:
        names = re.split(r"\s*(?:,\s*and\b|,|\band\b|&|\bor\b)\s*(?:(?:in|at|for)\s+)?", match["list"])
        return [name.strip() for name in names if name.strip() and name.strip() not in NOT_A_PLACE]
    known = [
        name
        for _, name in sorted((plain.index(name), name) for name in BY_NAME if not name.isascii() and name in plain)
    ]
    return known if len(known) > 1 and CHINESE_LIST.search(plain) else []
