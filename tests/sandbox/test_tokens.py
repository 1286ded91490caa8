from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from maaskit.sandbox.tokens import PrefixCache, count, tokenize


@given(st.text())
def test_tokens_are_the_text_cut_up(text: str) -> None:
    tokens = tokenize(text)
    assert "".join(tokens) == text
    assert all(tokens)


def test_the_count_is_near_what_tokenizers_give() -> None:
    assert 15 <= count("The tide comes in twice a day and takes the sandcastles with it, every time.") <= 30
    assert 8 <= count("潮水每天涨落两次,把沙堡带走。") <= 18


def test_a_beginning_that_was_seen_is_known() -> None:
    cache = PrefixCache()
    assert cache.visit("m", ["a", "b", "c"]) == 0
    assert cache.visit("m", ["a", "b", "c"]) == 3
    assert cache.visit("m", ["a", "b", "x", "c"]) == 2
    assert cache.visit("other", ["a", "b", "c"]) == 0
    assert cache.visit("m", []) == 0
    assert cache.visit("m", ["ab", "c"]) == 0


def test_the_least_recently_used_is_forgotten() -> None:
    cache = PrefixCache(max_prefixes=4)
    cache.visit("m", ["a", "b"])
    cache.visit("m", ["c", "d"])
    cache.visit("m", ["a", "b"])
    cache.visit("m", ["e", "f"])
    assert cache.visit("m", ["a", "b"]) == 2
    assert cache.visit("m", ["c", "d"]) == 0


def test_threads_share_it() -> None:
    cache = PrefixCache()
    known: list[int] = []
    threads = [threading.Thread(target=lambda: known.append(cache.visit("m", ["t"] * 200))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(known) == [0] + [200] * 7
