"""An answer in words: quotations from what the prompt and the tools brought, or a plain word when there is nothing.

Which sentences answer is weighed in `quoting`; tools are called in `choosing`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from maaskit.sandbox.responder import commands, smalltalk, web
from maaskit.sandbox.responder.answer import Quote
from maaskit.sandbox.responder.arithmetic import expression_in, value_of
from maaskit.sandbox.responder.ask import Ask, Picture
from maaskit.sandbox.responder.passages import Passage, read_passages
from maaskit.sandbox.responder.question import Question, follow_up, is_instruction, read_question
from maaskit.sandbox.responder.quoting import Found, best_sentences, leading_sentences
from maaskit.sandbox.responder.tool_kinds import failed
from maaskit.sandbox.responder.words import halfwidth, is_chinese, words

IN_ONE: Final = re.compile(r"(?i)\b(?:one|a single)[- ]sentence\b|一句话|一个句子")
SUMMARISES: Final = re.compile(
    r"(?i)\b(?:summar\w+|overview|gist|main points?|key points?|outline|condense|sum up|describe|report|"
    r"what (?:is|does) (?:this|the|it).{0,24}(?:about|say)|in brief|tl;?dr)\b|"
    r"总结|概括|摘要|概述|整理|要点|报告|大意|讲了什么|说了什么|描述|主要内容"
)
OF_PICTURE: Final = re.compile(
    r"(?i)\b(?:image|picture|photo|screenshot|scan|see|shown?|read|text|diagram|chart|poster|"
    r"document|page)\b|图片|图中|图像|照片|画面|文字|截图|扫描|看到|这张|文档|内容"
)
OF_LOOKS: Final = re.compile(
    r"(?i)\b(?:colou?rs?|size|wide|width|height|tall|big|large|dimensions?|resolution)\b|颜色|多大|尺寸|宽|高|大小"
)

ASKS_MY_NAME: Final = re.compile(r"(?i)\b(?:what(?:'s| is)|who) (?:my name|am i)\b|我叫什么|我的名字是?什么|我是谁")
TELLS_NAME: Final = re.compile(
    r"(?:(?i:\b(?:my name is|my name's|i am|i'm|call me|this is))\s+(?P<name>[A-Z][\w'-]*(?:\s[A-Z][\w'-]*)*))|"
    r"(?:我叫|我的名字是|我的名字叫|叫我)(?P<chinese>[\u3400-\u9fff·]{2,6})"
)
HISTORY_WEIGHT: Final = 0.8
SYSTEM_WEIGHT: Final = 0.95
COLOURS_CHINESE: Final = {
    "white": "白色",
    "black": "黑色",
    "grey": "灰色",
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "cyan": "青色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
}
LONGEST_PICTURE_TEXT: Final = 4000


@dataclass(frozen=True, slots=True)
class Told:
    """An answer in words.

    Args:
        text: The words.
        quotes: What they quote, in order.
        from_prompt: Whether they come from passages, pictures or tools, so that nothing needs to be looked up.
    """

    text: str
    quotes: tuple[Quote, ...] = ()
    from_prompt: bool = False


def tell(ask: Ask, rng: Random) -> Told:
    """Answer in words.

    Args:
        ask: What is asked.
        rng: Picks among phrasings.

    Returns:
        The answer.
    """
    if (alone := follow_up(ask.system, ask.user)) is not None:
        return Told(alone, from_prompt=True)
    question = read_question(ask.user)
    if not ask.calls and (said := commands.repetition(ask.user) or commands.counting(ask.user)):
        return Told(said, from_prompt=True)
    chinese = is_chinese(question.text)
    if ask.calls:
        return _from_results(ask, question, chinese=chinese)
    if ask.pictures and (told := _from_pictures(ask, question, chinese=chinese)):
        return told
    if told := _from_prompt(ask, question, chinese=chinese):
        return told
    return _from_nothing(ask, question, rng, chinese=chinese)


def _from_results(ask: Ask, question: Question, *, chinese: bool) -> Told:
    """Quote what answers from the tools' results; each tool that answered has its word."""
    results = [(c.name, c.result) for c in ask.calls if c.result]
    errors = [_told_error(c.name, c.result or "", chinese=chinese) for c in ask.calls if failed(c)]
    by_call = [read_passages(c.result) for c in ask.calls if c.result and not failed(c)]
    passages = [passage for passages in by_call for passage in passages]
    if SUMMARISES.search(halfwidth(question.text)):
        found = leading_sentences(passages)
    else:
        found = best_sentences(question.text, passages)
        for own in by_call:
            if not any(f.sentence.text in p.text or "" != f.source == p.source for f in found for p in own):
                found += leading_sentences(own, 2)
    told = _quoted(found, chinese=chinese)
    text = "\n".join(line for line in [told.text, *errors] if line)
    return Told(text if results and text else _nothing_returned(chinese=chinese), told.quotes, from_prompt=True)


def _told_error(name: str, result: str, *, chinese: bool) -> str:
    return f"工具 {name} 报告了错误:{result}" if chinese else f"The tool {name} reported an error: {result}"


def _nothing_returned(*, chinese: bool) -> str:
    return "工具没有返回任何内容。" if chinese else "The tools returned nothing."


def _from_pictures(ask: Ask, question: Question, *, chinese: bool) -> Told | None:
    texts = [p.text.strip() for p in ask.pictures if p.text.strip()]
    if OF_LOOKS.search(halfwidth(question.text)):
        return Told("\n".join(_looks(p, chinese=chinese) for p in ask.pictures), from_prompt=True)
    found = best_sentences(question.text, [Passage(text) for text in texts]) if texts else []
    wants_all = not words(question.text) or OF_PICTURE.search(halfwidth(question.text))
    if found and not (wants_all and SUMMARISES.search(halfwidth(question.text))):
        return _quoted(found, chinese=chinese)
    if not wants_all and not question.text.strip():
        return None
    parts = [_looks(p, chinese=chinese) for p in ask.pictures]
    return Told("\n\n".join(parts), from_prompt=True)


def _looks(picture: Picture, *, chinese: bool) -> str:
    size = f"{picture.width}x{picture.height}"
    text = picture.text.strip()[:LONGEST_PICTURE_TEXT]
    if chinese:
        colour = COLOURS_CHINESE.get(picture.colour, picture.colour)
        seen = f"图片大小为 {size} 像素,主要颜色是{colour}。" if picture.width else ""
        return f"{seen}其中的文字是:\n{text}" if text else f"{seen}没有找到文字。"
    seen = f"The picture is {size} pixels large and mostly {picture.colour}. " if picture.width else ""
    return f"{seen}The text in it reads:\n{text}" if text else f"{seen}No text was found in it."


def _from_prompt(ask: Ask, question: Question, *, chinese: bool) -> Told | None:
    if ASKS_MY_NAME.search(question.text) and (name := _name_told(ask)):
        return Told(f"你叫{name}。" if chinese else f"Your name is {name}.", from_prompt=True)
    material = read_passages(question.material) if question.material else []
    system = [Passage(p.text, p.source, SYSTEM_WEIGHT) for p in read_passages(ask.system)] if ask.system else []
    past = [Passage(p.text, p.source, HISTORY_WEIGHT) for _, text in ask.past for p in read_passages(text)]
    if SUMMARISES.search(halfwidth(question.text)) and (material or _is_long(system)):
        found = [f for f in leading_sentences(material or system, 8) if not is_instruction(f.sentence.text)][:3]
        if found:
            return _quoted(found[:1] if IN_ONE.search(halfwidth(question.text)) else found, chinese=chinese)
    found = best_sentences(question.text, [*material, *system, *past])
    found = [f for f in found if f.sentence.text.strip() != question.text.strip()]
    return _quoted(found, chinese=chinese) if found else None


def _name_told(ask: Ask) -> str:
    """Find the name that the user gave in an earlier turn; the last one counts."""
    said = [text for role, text in ask.past if role == "user"]
    names = [m["name"] or m["chinese"] for text in said for m in TELLS_NAME.finditer(text)]
    return str(names[-1]) if names else ""


def _is_long(passages: Sequence[Passage]) -> bool:
    return sum(len(p.text) for p in passages) > 200


def _from_nothing(ask: Ask, question: Question, rng: Random, *, chinese: bool) -> Told:
    if ask.search:
        return _from_web(ask, question, chinese=chinese)
    expression = expression_in(question.text)
    value = None if expression is None else value_of(expression)
    if value is not None:
        return Told(f"{expression} = {value}", from_prompt=True)
    said = smalltalk.small_talk(question.text, rng) or smalltalk.composition(question.text, rng)
    return Told(said or smalltalk.limits(question.text, rng))


def _from_web(ask: Ask, question: Question, *, chinese: bool) -> Told:
    found = best_sentences(question.text, web.passages(), 2) or leading_sentences(web.passages(), 1)
    lead = (
        "以下来自 maaskit 沙盒内置的示例网页,并非真实检索:"
        if chinese
        else "From the sandbox's built-in sample web, not from a real search:"
    )
    lines, quotes, at = [lead], [], len(lead)
    for item in found:
        page = web.page_of(item.source)
        line = f"{item.sentence.text} [{page.title if page else item.source}]({ask.web_root}{item.source})"
        at += 1 + len(line)
        lines.append(line)
        quotes.append(Quote(item.sentence.text, item.source, at))
    return Told("\n".join(lines), tuple(quotes), from_prompt=True)


def _quoted(found: Sequence[Found], *, chinese: bool) -> Told:
    lines: list[str] = []
    quotes: list[Quote] = []
    at = 0
    for item in found:
        line = _quotation(item, chinese=chinese)
        at += len(line)
        lines.append(line)
        quotes.append(Quote(item.sentence.text, item.source, at))
        at += 1
    return Told("\n".join(lines), tuple(quotes), from_prompt=bool(found))


def _quotation(item: Found, *, chinese: bool) -> str:
    if not item.source:
        return item.sentence.text
    if chinese:
        return f"根据 {item.source}:「{item.sentence.text}」"
    return f"According to {item.source}: “{item.sentence.text}”"
