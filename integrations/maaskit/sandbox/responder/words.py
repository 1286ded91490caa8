"""Words of a text as they are compared: English stems, Chinese character pairs, numbers.

Nothing is decided here; `passages`, `quoting` and `choosing` weigh the words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from maaskit.sandbox.responder.lexicon import RELATED, TRANSLATIONS, listed

CHINESE: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
TERM: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[\u3040-\u30ff]+|[A-Za-z]+(?:['’][a-z]+)?|\d+(?:[.,]\d+)*")
CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\-.]+")

HALF_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}

ENDINGS: Final = listed(
    """ications ication izations ization ations itions ation ition ators ating ator ated ates ings ions
    izes ize als al ers ors ies ied ate ion ing er or es ed ly e y s"""
)
STEM_LENGTH: Final = 7
SHORTEST_STEM: Final = 3

STOP_WORDS: Final = frozenset(
    listed("""a about after all also am an and any are as at be been before but by can could did do does doing done each
    else for from get give given go had has have he her here him his how i if in into is it its just let like ll
    make many may me more most much must my need no not now of off on one only or other our out over please re s say
    she should show so some such t tell than that the their them then there these they thing this those to too up us
    use used using value via was way we well were what when where which while who whom whose why will with would you
    your want know answer question call called tool tools function result hello hi hey thanks thank don't what's it's
    i'm let's""")
)
STOP_PHRASES: Final = re.compile(
    r"请问|请你|请帮我|帮我|帮忙|麻烦|一下|告诉我|告诉|知道|可以|能不能|能否|是否|有没有|怎么样|"
    r"怎样|怎么|如何|什么|哪些|哪个|哪里|哪|"
    r"多少钱|多少|几|为什么|是多|呢|吗|吧|啊|呀|的|了|着|得|地(?=[^址点图方区])|是|有|在|和|与|及|"
    r"或|把|被|给|从|到|对|我们|你们|他们|我|你|您|他|她|它|"
    r"这个|那个|这些|那些|这|那|请|用|使用|调用|工具|现在|就|都|也|还|很|最"
)


def halfwidth(text: str) -> str:
    """Write full-width signs, as Chinese keyboards give them, as their ASCII twins; the length stays.

    Args:
        text: Any text.

    Returns:
        The text with each sign in its place.
    """
    return text.translate(HALF_WIDTH)


def is_chinese(text: str) -> bool:
    """Tell whether a text is to be answered in Chinese.

    Args:
        text: What somebody wrote.

    Returns:
        Whether at least a quarter of its letters are Chinese.
    """
    letters = sum(c.isalpha() for c in text)
    return len(CHINESE.findall(text)) * 4 >= max(letters, 1)


def words(text: str) -> list[str]:
    """List the words of a text that carry meaning.

    Args:
        text: Any text.

    Returns:
        Stems, pairs of Chinese characters and numbers, in order, with repetitions.
    """
    return [word for term in TERM.findall(text) for word in _of_term(term)]


def name_words(name: str) -> list[str]:
    """List the words in an identifier, such as ``get_weather`` or ``WeatherReport``.

    Args:
        name: The identifier.

    Returns:
        Its words as `words` gives them.
    """
    return words(CAMEL.sub(" ", name))


def translated(found: list[str]) -> set[str]:
    """Add to words what they mean in the other language, as far as the small lexicon goes.

    Args:
        found: Words as `words` gives them.

    Returns:
        These words and their translations.
    """
    return set(found).union(*(_translations().get(word, ()) for word in found))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Cut an English word to what its relatives share.

    Args:
        word: A word in lower case.

    Returns:
        At least its first three letters, at most seven.
    """
    ending = next((e for e in ENDINGS if word.endswith(e) and len(word) >= len(e) + SHORTEST_STEM), "")
    short = word.removesuffix(ending)
    if len(short) > 3 and short[-1] == short[-2] and short[-1] not in "sl":
        short = short[:-1]
    return (short[:-1] + "y" if short.endswith("i") else short)[:STEM_LENGTH].removesuffix("y") or short


def _of_term(term: str) -> list[str]:
    if CHINESE.match(term):
        return _pairs(term)
    if term[0].isdigit():
        return [term.replace(",", "")]
    if not term.isascii():
        return [term[i : i + 2] for i in range(max(len(term) - 1, 1))]
    lower = term.lower().replace("’", "'")
    if lower in STOP_WORDS:
        return []
    return [stem(lower.removesuffix("'s"))]


def _pairs(term: str) -> list[str]:
    runs = STOP_PHRASES.sub(" ", term).split()
    return [run[i : i + 2] for run in runs for i in range(max(len(run) - 1, 1))]


@lru_cache(maxsize=1)
def _translations() -> dict[str, set[str]]:
    table: dict[str, set[str]] = {}
    for chinese, english in TRANSLATIONS.items():
        theirs = {stem(word) for word in english.split()}
        for pair in (chinese[i : i + 2] for i in range(max(len(chinese) - 1, 1))):
            table.setdefault(pair, set()).update(theirs)
        for word in theirs:
            table.setdefault(word, set()).add(chinese[:2])
    for word, others in RELATED.items():
        table.setdefault(stem(word), set()).update(stem(other) for other in others.split())
    return table
