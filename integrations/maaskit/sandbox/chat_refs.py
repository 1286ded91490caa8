"""SophNet's ``refs``: the passages that an answer quotes, numbered, with an address for each.

The passages' texts are served by `sophnet_refs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from maaskit.sandbox.replies import SOPHNET_PREFIX
from maaskit.sandbox.responder import Quote
from maaskit.sandbox.state import SandboxState

MOST_KEPT: Final = 1000


def refs_of(quotes: Sequence[Quote], state: SandboxState) -> list[dict[str, Any]]:
    """Write the references of an answer.

    Args:
        quotes: What the answer quotes, in order.
        state: The sandbox, which keeps the quoted texts for a later GET.

    Returns:
        ``[{"index", "title", "content", "type", "url"}]``; web sources keep their own URL, files get one that needs
        the key.

    Source:
        SophNet, *choices[0].refs*: file和qa数据url访问需配置apikey,web数据url访问无需配置apikey.
    """
    return [_ref(number, quote, state) for number, quote in enumerate(quotes, 1)]


def _ref(number: int, quote: Quote, state: SandboxState) -> dict[str, Any]:
    is_web = quote.source.startswith(("http://", "https://"))
    title = quote.source or quote.text[:24]
    if is_web:
        return {"index": number, "title": title, "content": quote.text, "type": "web", "url": quote.source}
    name = hashlib.blake2b(f"{title}\n{quote.text}".encode("utf-8", "replace"), digest_size=8).hexdigest()
    state.quoted[name] = quote.text
    while len(state.quoted) > MOST_KEPT:
        state.quoted.pop(next(iter(state.quoted)))
    url = f"{state.origin}{SOPHNET_PREFIX}/refs/{name}"
    return {"index": number, "title": title, "content": quote.text, "type": "file", "url": url}
