"""Values known by their place in a sentence: quotations, places, names, languages, and the question itself.

Values known by their shape are found in `shaped`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from maaskit.sandbox.responder.evidence import Evidence, Span
from maaskit.sandbox.responder.finders.guess import Guess, has_purpose, purpose_in_name, takes_text
from maaskit.sandbox.responder.gazetteer import BY_NAME, LANGUAGES
from maaskit.sandbox.responder.lexicon import listed
from maaskit.sandbox.responder.question import read_question
from maaskit.sandbox.responder.schemas import Slot
from maaskit.sandbox.responder.words import CAMEL, STOP_WORDS, name_words, words

CAPITALISED: Final = r"[A-Z][\w'’-]*(?:[ \t]+(?:of[ \t]+|de[ \t]+|la[ \t]+)?[A-Z][\w'’-]*)*"
PLACE_AFTER: Final = re.compile(
    rf"\b(?:in|at|for|near|of|to|from|around|visit|visiting)[ \t]+(?:the[ \t]+(?:city|town)[ "
    rf"\t]+of[ \t]+)?(?P<place>{CAPITALISED}(?:,[ \t]*[A-Z][A-Za-z]+)?)"
)
PLACE_LOWER: Final = re.compile(
    r"(?i)\b(?:in|at|near)\s+(?:the\s+)?(?P<place>[a-z][a-z'-]+(?:\s+city)?)\s*(?:[?.!,]|$|"
    r"\b(?:today|tomorrow|now|right now|this week|at|to|by|with|for|on|off|and|please)\b)"
)
CHINESE_PLACE: Final = (
    re.compile(r"(?P<place>[\u3400-\u9fff]{2,8}?(?:省|市|县|区|镇|村|州|岛|山|湖|国))"),
    re.compile(
        r"(?P<place>(?:客|餐|大|门)厅|(?:主|次)?卧室?|(?:书|厨|机|病|客)房|(?:办公|会议|浴|教|地下)室|车库|阳台|走廊)"
    ),
    re.compile(
        r"(?:在|去|到|从|查一?下|查询|请问|看看|问一?下|"
        r"知道)(?P<place>[\u3400-\u9fff]{2,6}?)(?=今天|明天|后天|现在|今日|本周|的|天气|气温|有|"
        r"怎|玩|旅|出|,|。|\?|$)"
    ),
    re.compile(
        r"(?:^|今天|明天|后天|今日|现在|[,。])(?P<place>[\u3400-\u9fff]{2,4}?)(?=今天|明天|后天|"
        r"现在|今日|本周|的?天气|的?气温|的?温度|的?人口)"
    ),
)
NOT_A_PLACE: Final = {
    word.title()
    for word in listed(
        "monday tuesday wednesday thursday friday saturday sunday january february march april may "
        "june july august "
        "september october november december celsius fahrenheit english french german spanish chinese i json"
    )
}
NAMED: Final = re.compile(
    rf"(?i:\b(?:named|called|name is|name's|i am|i'm|this is|contact|invite|email|call|notify|meet|"
    rf"author(?:ed)? by|by|mr\.?|mrs\.?|ms\.?|dr\.?)\s+)(?P<name>{CAPITALISED})"
)
CHINESE_NAMED: Final = re.compile(
    r"(?:名叫|名为|叫做|名字是|姓名是?|我叫|我是|叫|给|联系|邀请|客户|用户|"
    r"员工)\s*:?(?P<name>[\u3400-\u9fff·]{2,12}?)(?=[,。;、\s!?]|的|是|住|今年|来自|在|,|年龄|发|"
    r"写|打|寄|说|安排|预|买|送|$)|^(?P<first>[\u3400-\u9fff]{2,3})(?=今年|是|住|来自|在|,|的年龄)"
)
CALLED: Final = re.compile(
    r"(?i)\b(?:called|named|titled|entitled|labell?ed)\s+(?P<name>[a-z][\w'-]*(?:\s+[a-z][\w'-]*){0,3}?)"
    r"(?=\s*(?:[,.;:!?\n]|$)|\s+(?:for|with|and|to|in|at|that|which|who|please|then)\b)"
)
FIRST_NAME: Final = re.compile(rf"(?P<name>{CAPITALISED})")
INTO_LANGUAGE: Final = re.compile(r"(?i)\b(?:into|to|in)\s+$|(?:成|为|到)$")
LEAD: Final = re.compile(
    r"^\W*(?:(?:can|could|would) you\s+|please\s+|kindly\s+|i(?:'d| would) like (?:you )?to\s+|"
    r"请你?|麻烦你?|帮我|你?能)*"
    r"(?:(?:use|using|call|run|invoke|try|with|使用|用|调用)\s+(?:the\s+)?[\w\s]{0,30}?(?:tool|"
    r"function|工具|函数)?\s*(?:to|and|,|来|去)\s*)?"
    r"(?:search (?:the|my|our) \w+ for|search(?: for)?|look up|find(?: out)?|retrieve|query|"
    r"google|check|tell me|搜索|查询|检索|查找|查一下|查查|查|找)?"
    r"(?:一下)?\s*(?:about\s+|for\s+|关于)?",
    re.IGNORECASE,
)
SENTENCE_START: Final = re.compile(r"(?:^|[.!?。\n]\s*)[\"'“「]?$")
COLOUR: Final = re.compile(
    r"(?i)\b(?:(?:dark|light|pale|bright)[ -])?(?:red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|"
    r"gr[ae]y|blonde?|auburn|golden|silver|beige|cyan|magenta|turquoise)\b|[红橙黄绿蓝紫粉棕黑白灰金银青](?:色|发)?"
)
SEARCHES: Final = re.compile(r"(?i)\b(?:search|query|look ?up|look for|retrieve)|检索|搜索|查询|查找")
NEAR: Final = 60


def find_quotation(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take a quotation; one that stands behind the property's own words first.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The quoted text, or None.
    """
    if takes_text(slot) is None:
        return None
    quotes = evidence.quoted()
    own = set(name_words(slot.name))

    def distance(quote: Span) -> int:
        before = evidence.plain[max(0, quote.start - NEAR) : quote.start]
        near = words(before)
        return min((len(near) - i for i, w in enumerate(near) if w in own), default=100)

    best = min(quotes, key=distance, default=None)
    return None if best is None else Guess(best.text, (best.start, best.end))


def find_place(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the name of a place, for a property that wants one.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The name, or None.
    """
    if takes_text(slot) is None or not has_purpose(slot, "place"):
        return None
    wants = re.compile(
        r"(?i)\bfrom\b|从" if re.search(r"(?i)origin|from|depart|start", slot.name) else r"(?i)\bto\b|到|去"
    )
    found = [m for m in PLACE_AFTER.finditer(evidence.plain) if m["place"].split()[0] not in NOT_A_PLACE]
    found = [m for m in found if evidence.is_free(*m.span("place"))]
    if found:
        prefers = re.search(r"(?i)origin|from|depart|destin|arriv|to$", slot.name) is not None
        match = next((m for m in found if wants.match(m[0])), found[0]) if prefers else found[0]
        return Guess(match["place"].strip(), match.span("place"))
    return _known_city(evidence) or _chinese_place(evidence) or _lower_place(evidence)


def find_any_place(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take any name that is left, for a property that wants a place and found none.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The name, or None.
    """
    if takes_text(slot) is None or not purpose_in_name(slot, "place"):
        return None
    for match in FIRST_NAME.finditer(evidence.plain):
        name = match["name"]
        is_word = name.split()[0].lower() in STOP_WORDS or name in NOT_A_PLACE or not words(name)
        if evidence.is_free(*match.span("name")) and not is_word:
            return Guess(name, match.span("name"))
    return None


def find_name(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the name of a person, a firm or a work, for a property that wants one.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The name after a word such as "named" first, then one within a sentence, then one that begins a sentence.
    """
    is_name = purpose_in_name(slot, "name")
    if takes_text(slot) is None or not (is_name or purpose_in_name(slot, "label")):
        return None
    plain = evidence.plain
    marked = [m for pattern in (NAMED, CHINESE_NAMED, CALLED) for m in pattern.finditer(plain)]
    # A label is what something is called, not any name.
    anywhere = [m for m in FIRST_NAME.finditer(plain) if is_name and m["name"].split()[0].lower() not in STOP_WORDS]
    anywhere.sort(key=lambda m: SENTENCE_START.search(plain[: m.start()]) is not None and " " not in m["name"])
    for match in (*marked, *anywhere):
        place = match.span("name") if match["name"] else match.span()
        name = evidence.text[slice(*place)]
        only_stops = all(word.lower() in STOP_WORDS for word in name.split())  # The Beatles are somebody
        if evidence.is_free(*place) and not only_stops and name not in NOT_A_PLACE:
            return Guess(name, place)
    return None


def find_colour(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take a colour; the one beside the property's own words first, as in ``blond hair``.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The colour, or None.
    """
    if takes_text(slot) is None or not purpose_in_name(slot, "colour"):
        return None
    thing = {w for w in name_words(slot.name) if w not in name_words("color colour")}
    found = [m for m in COLOUR.finditer(evidence.plain) if evidence.is_free(*m.span())]

    def is_apart(match: re.Match[str]) -> bool:
        near = words(evidence.plain[max(0, match.start() - 24) : match.end() + 24])
        return bool(thing) and not thing & set(near)

    match = min(found, key=is_apart, default=None)
    return None if match is None else Guess(match[0], match.span())


def find_language(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the name of a language, for a property that wants one.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The language after "into" or "to" for a target, else the first one named; or None.
    """
    if takes_text(slot) is None or not has_purpose(slot, "language"):
        return None
    found = [
        m for name in LANGUAGES for m in re.finditer(rf"(?i){name}", evidence.plain) if evidence.is_free(*m.span())
    ]
    if not found:
        return None
    found.sort(key=lambda m: m.start())
    into = [m for m in found if INTO_LANGUAGE.search(evidence.plain[: m.start()])]
    is_source = re.search(r"(?i)source|from", slot.name) is not None
    chosen = [m for m in found if m not in into] if is_source else into
    match = (chosen or found)[0]
    return Guess(match[0], match.span())


def find_query(slot: Slot, evidence: Evidence) -> Guess | None:
    """Take the question itself, for a property that wants what to look for.

    Args:
        slot: The property.
        evidence: Where to look.

    Returns:
        The question without the words that ask for a tool, or None.
    """
    is_query = purpose_in_name(slot, "query") or SEARCHES.search(slot.description)
    if takes_text(slot) is None or not is_query:
        return None
    text = bare_question(evidence.text)
    return Guess(text) if text else None


def bare_question(text: str) -> str:
    """Strip from a question the words that ask for a tool or for an answer.

    Args:
        text: A user's message.

    Returns:
        What is to be looked for.
    """
    question = read_question(text).text
    bare = LEAD.sub("", question, count=1).strip(" \"'.。!?\uff1f\uff01")
    return bare if len(words(bare)) >= 1 else question.strip()


def modifier_before(slot: Slot, evidence: Evidence, tool_words: list[str]) -> str | None:
    """Take the word before the thing that a tool makes, as in ``a formal greeting``.

    Args:
        slot: The property.
        evidence: Where to look.
        tool_words: The words of the tool's name.

    Returns:
        The word, or None.
    """
    own = {*tool_words, *name_words(slot.name)}
    tokens = re.findall(r"[A-Za-z][\w'-]*|[\u3400-\u9fff]+", evidence.free_text())
    for before, after in pairwise(tokens):
        is_plain = before.lower() not in STOP_WORDS and not set(words(before)) & own and before[0].isascii()
        if is_plain and set(words(after)) & own:
            return str(before)
    match = re.search(
        r"(?i)\b(?:in|with)\s+(?:a|an|the)\s+(?P<word>[\w-]+)\s+(?:style|tone|manner|voice|mood)|"
        r"\b(?P<like>\w{1,30})[- ](?:style|like)\b",
        evidence.plain,
    )
    if match:
        return str(match["word"] or match["like"])
    if CAMEL.search(slot.name) and (
        found := re.search(r"([\u3400-\u9fff]{1,4}?)的?(?:风格|语气|口吻)", evidence.plain)
    ):
        return re.sub(r"^(?:用|以|请|一个)", "", found[1])
    return None


def _known_city(evidence: Evidence) -> Guess | None:
    lower = evidence.plain.lower()
    places = [(lower.index(name), -len(name), name) for name in BY_NAME if name in lower]
    for start, length, _ in sorted(places):
        if evidence.is_free(start, start - length):
            return Guess(evidence.text[start : start - length], (start, start - length))
    return None


def _chinese_place(evidence: Evidence) -> Guess | None:
    for pattern in CHINESE_PLACE:
        for match in pattern.finditer(evidence.plain):
            place = re.sub(r"^(?:请问|请|查|看|问|告诉我|帮我|我想|想|知道|在|去|到|从|和|的)+", "", match["place"])
            if len(place) >= 2 and evidence.is_free(*match.span("place")):
                return Guess(place, match.span("place"))
    return None


def _lower_place(evidence: Evidence) -> Guess | None:
    match = PLACE_LOWER.search(evidence.plain)
    if match and match["place"].split()[0] not in STOP_WORDS and evidence.is_free(*match.span("place")):
        return Guess(match["place"], match.span("place"))
    return None
