"""What the responder says when nothing can be quoted: greetings, who it is, verses and stories of a kind, its limits.

It never pretends to know: each of these answers says what speaks.
"""

from __future__ import annotations

import re
from random import Random
from typing import Final

from maaskit.sandbox.responder.defaults import subject_of
from maaskit.sandbox.responder.question import ENDS_ASKING
from maaskit.sandbox.responder.words import halfwidth, is_chinese, words

GREETS: Final = re.compile(
    r"(?i)^\W*(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|greetings|howdy)\b|"
    r"^\W*(?:你好|您好|早上好|下午好|晚上好|嗨)"
)
THANKS: Final = re.compile(r"(?i)\b(?:thanks|thank you|cheers)\b|谢谢|多谢|感谢")
FARES: Final = re.compile(r"(?i)\bhow are you\b|\bhow(?:'s| is) it going\b|你好吗|最近怎么样")
IDENTITY: Final = re.compile(
    r"(?i)\b(?:who|what) are you\b|\byour name\b|\bwhat can you do\b|\bcan you help\b|你是谁|"
    r"你叫什么|能做什么|可以帮我做|介绍一下你自己"
)
TELLS: Final = re.compile(
    r"(?i)^\W*(?:my|i am|i'm|i have|i like|we are|our|remember|note)\b|^\W*(?:我叫|我是|我的|我们|记住|请记住)"
)
COMPOSES: Final = re.compile(
    r"(?i)\b(?:write|compose|tell|give|create|draft|make up)\b.{0,40}\b(?P<kind>haikus?|poems?|"
    r"verses?|stor(?:y|ies)|tales?|essays?|jokes?|songs?|paragraphs?|articles?|letters?|"
    r"limericks?)\b|"
    r"(?:写|讲|说|来|编|作|创作).{0,8}(?P<art>诗|故事|笑话|文章|作文|散文|歌词|段子|信)"
)
LENGTH: Final = re.compile(
    r"(?i)\b(?P<n>\d{2,4})[- ](?:words?|sentences?|lines?|paragraphs?)\b|"
    r"(?P<z>\d{2,4})\s*(?:个?字|句)|\b(?P<long>long|detailed|lengthy)\b|长篇|详细"
)

HELLO: Final = (
    (
        "Hello! I am the responder of the maaskit sandbox. Ask me about a text, a picture or your "
        "tools, and I will do what rules can do."
    ),
    "Hello, and welcome to the maaskit sandbox. A small rule-based responder is speaking; what would you like to try?",
    "Hi there! This is the maaskit sandbox. Hand me a passage and a question, and you will get a quotation back.",
)
HELLO_CHINESE: Final = (
    "你好!我是 maaskit 沙盒里的应答器。给我一段文字、一张图片或几个工具,我会按规则作答。",
    "你好,欢迎来到 maaskit 沙盒。这里由一个基于规则的小应答器说话,你想试试什么?",
    "您好!这里是 maaskit 沙盒。把资料和问题交给我,我会引用原文来回答。",
)
WELL: Final = (
    "I am a set of rules, and the rules are fine, thank you. What shall we try?",
    "All rules are in order, thank you. How can I help?",
)
WELL_CHINESE: Final = ("我只是一组规则,规则一切正常,谢谢。我们来试点什么?", "规则运行良好,谢谢关心。有什么可以帮忙?")
THANKS_ANSWER: Final = ("You are welcome.", "Glad to help.")
THANKS_CHINESE: Final = ("不客气。", "很高兴能帮上忙。")
SELF: Final = (
    (
        "I am the maaskit sandbox's responder: a few hundred rules, not a language model. I quote "
        "passages, call tools, fill schemas and read pictures."
    ),
    (
        "No model speaks here: this is the rule-based responder of the maaskit sandbox. I can quote, "
        "call tools, fill in forms and read text in pictures."
    ),
)
SELF_CHINESE: Final = (
    "我是 maaskit 沙盒的应答器,由几百条规则组成,不是语言模型。我能引用资料、调用工具、填写表单、读出图中的文字。",
    "这里没有真正的模型,只有 maaskit 沙盒的规则应答器:引用原文、调用工具、填写表单、识别图片文字。",
)
LIMITS: Final = (
    (
        "This is the maaskit sandbox: its responder follows rules and knows nothing about the world. "
        "I found nothing to quote for: {said}"
    ),
    "The maaskit sandbox answers by rule, has no knowledge of its own, and found no passage that answers: {said}",
    (
        "No passage in this conversation answers that, and the rule-based responder of the maaskit "
        "sandbox knows nothing else. You wrote: {said}"
    ),
)
LIMITS_CHINESE: Final = (
    "这里是 maaskit 沙盒,应答器只按规则工作,没有关于世界的知识。没有找到可以引用的内容:{said}",
    "maaskit 沙盒的规则应答器自身没有知识,也没有找到能回答的段落:{said}",
    "这段对话里没有能回答的段落,maaskit 沙盒的规则应答器也不知道别的。您写的是:{said}",
)
LINES: Final = (
    "A small rule wrote this line about {topic}.",
    "A better poet is wanted for {topic}; the sandbox has only rules.",
    "Morning comes, the loop turns once, and on the table lies {topic}.",
    "Nobody asked the rules how they feel about {topic}; they went on counting.",
    "Grain by grain the sand moves, and with it, {topic}.",
    "At noon the queue is empty, and short is the shadow of {topic}.",
    "One reader nods, another smiles at {topic}.",
    "In the evening the log file tells it again: {topic}, in order, oldest first.",
)
LINES_CHINESE: Final = (
    "一条小小的规则写下这句关于{topic}的话。",
    "在沙盒的角落里,{topic}等待着更好的诗人。",
    "清晨到来,循环转过一圈,{topic}仍在原处。",
    "没有人问过规则怎样看待{topic},它们只是继续数数。",
    "沙粒一颗颗移动,{topic}也跟着移动。",
    "正午队列是空的,{topic}投下短短的影子。",
    "有人点头,有人为{topic}微笑。",
    "傍晚,日志又把{topic}从头讲了一遍。",
)
SHORT: Final = 120
MOST_LINES: Final = 400
WORDS_PER_LINE: Final = 11


def is_small_talk(text: str) -> bool:
    """Tell whether a text greets, thanks, or asks after the responder itself, and does nothing else.

    Args:
        text: What was said.

    Returns:
        Whether it does.
    """
    plain = halfwidth(text)
    return (
        len(plain) <= SHORT and any(p.search(plain) for p in (IDENTITY, FARES, GREETS, THANKS)) and len(words(text)) < 3
    )


def small_talk(text: str, rng: Random) -> str | None:
    """Answer a greeting, thanks, or a question about the responder itself.

    Args:
        text: What was said.
        rng: Picks among phrasings.

    Returns:
        The answer; None when the text is none of these.
    """
    plain, chinese = halfwidth(text), is_chinese(text)
    if len(plain) > SHORT:
        return None
    for pattern, english, mandarin in (
        (IDENTITY, SELF, SELF_CHINESE),
        (FARES, WELL, WELL_CHINESE),
        (GREETS, HELLO, HELLO_CHINESE),
        (THANKS, THANKS_ANSWER, THANKS_CHINESE),
    ):
        if pattern.search(plain):
            return rng.choice(mandarin if chinese else english)
    return None


def composition(text: str, rng: Random) -> str | None:
    """Write lines about a topic, when a request wants something written.

    Args:
        text: The request.
        rng: Picks and orders the lines.

    Returns:
        The lines, as many as the request's length asks for; None when it wants nothing of the kind.
    """
    plain = halfwidth(text)
    if COMPOSES.search(plain) is None:
        return None
    chinese = is_chinese(text)
    topic = subject_of(text) or ("这件事" if chinese else "this")
    wanted = _lines_wanted(plain)
    stock = list(LINES_CHINESE if chinese else LINES)
    lines: list[str] = []
    while len(lines) < wanted:
        rng.shuffle(stock)
        lines += stock
    return ("" if chinese else " ").join(line.format(topic=topic) for line in lines[:wanted])


def limits(text: str, rng: Random) -> str:
    """Say honestly that there is nothing to quote.

    Args:
        text: What was asked.
        rng: Picks among phrasings.

    Returns:
        The answer.
    """
    said = " ".join(text.split())[:200]
    if TELLS.search(halfwidth(text)) and not ENDS_ASKING.search(halfwidth(text)):
        return f"记下了:{said}" if is_chinese(text) else f"Noted: {said}"
    return rng.choice(LIMITS_CHINESE if is_chinese(text) else LIMITS).format(said=said)


def _lines_wanted(plain: str) -> int:
    match = LENGTH.search(plain)
    if match is None:
        return 4
    if match["n"] or match["z"]:
        return min(MOST_LINES, max(2, -(-int(match["n"] or match["z"]) // WORDS_PER_LINE)))
    return 24
