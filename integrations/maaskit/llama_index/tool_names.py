"""Names of tools on the wire: any name goes out as one that every upstream takes, and comes back as itself.

What a tool does, and how its schema looks, is not known here.
"""

from __future__ import annotations

import re

# OpenAI's pattern, which upstreams check. Core replaces everything else by an underscore, whereby `天气查询` becomes
# `____`, and the tool is not found when the model calls it.
_PLAIN = re.compile(r"[a-zA-Z0-9_-]+")
_PREFIX = "xn--"  # as in domain names, which have the same problem
# Punycode leaves ASCII as it is, so forbidden ASCII is moved into Unicode's private area first.
_PRIVATE = 0xE000


def wire_name(name: str) -> str:
    """Write a tool's name for the wire.

    Args:
        name: The name as the framework knows it.

    Returns:
        The same name when it is made of ASCII letters, digits, ``_`` and ``-``; otherwise its Punycode after ``xn--``.
    """
    if _PLAIN.fullmatch(name) and not name.startswith(_PREFIX):
        return name
    moved = "".join(chr(_PRIVATE + ord(sign)) if _is_forbidden(sign) else sign for sign in name)
    return _PREFIX + moved.encode("punycode").decode("ascii")


def real_name(name: str) -> str:
    """Read a tool's name off the wire.

    Args:
        name: What the model called.

    Returns:
        The name as the framework knows it; a name that ``wire_name`` cannot have written stays as it is.
    """
    if not name.startswith(_PREFIX):
        return name
    try:
        moved = name[len(_PREFIX) :].encode("ascii").decode("punycode")
    except UnicodeError:
        return name
    found = "".join(chr(ord(sign) - _PRIVATE) if 0 <= ord(sign) - _PRIVATE < 128 else sign for sign in moved)
    return found if wire_name(found) == name else name


def _is_forbidden(sign: str) -> bool:
    return sign.isascii() and not _PLAIN.fullmatch(sign)
