"""What a prompt asks: the question apart from the material it brings along.

The material itself is read in `passages`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.responder.words import halfwidth

QUESTION_LABEL: Final = re.compile(
    r"^[ \t#*>-]*(?:(?:the|user'?s?|follow[- ]?up|input|original|current)[ \t]+)*"
    r"(?:question|query|input|message|instruction|task|request|用户问题|问题|提问|用户|任务|"
    r"指令)(?:[ \t]+is(?:[ \t]+as[ \t]+follows)?)?[ \t*]*:[ \t*]*(?P<rest>.*)$",
    re.IGNORECASE | re.MULTILINE,
)
ANSWER_LABEL: Final = re.compile(
    r"^[ \t#*>-]*(?:(?:the|your|helpful|final|refined|standalone)[ \t]+)*(?:answer|response|"
    r"assistant|output|question|回答|答案|答)"
    r"[ \t*]*:[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
STANDALONE: Final = re.compile(
    r"(?i)\bstand-?alone\s+(?:question|query|message)|\b(?:rephrase|reformulate|rewrite)\b.{0,40}\bfollow[- ]?up\b|"
    r"独立(?:的)?(?:问题|提问)"
)
FOLLOW_UP: Final = re.compile(
    r"(?im)^[ \t]*(?:follow[- ]?up(?:[ \t]+\w+)?|last message|latest question|后续问题|追问)[ \t]*:[ \t]*(?P<line>.+)$|"
    r"^[ \t]*<follow[- ]?up[ \t]+\w+>[ \t]*\n(?P<block>.+?)(?=\n[ \t]*\n|\n[ \t]*<|$)"
)
MATERIAL: Final = re.compile(
    r"^[ \t#*<]*(?:(?:the|relevant|retrieved|given|search|background)[ \t]+)*(?:context|"
    r"documents?|passages?|text|content|article|notes?|"
    r"data|results?|上下文|资料|文档|已知信息|参考|背景|正文|内容|原文)\b[^\n]{0,60}[:>]?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
ENDS_ASKING: Final = re.compile(r"[?][\"'”’」)\s]*$|(?:吗|呢|多少|什么|哪里|谁|几)[。.\s]*$")
INSTRUCTION: Final = re.compile(
    r"^\W*(?:you are|you're|you have|you can|you must|you should|answer|respond|reply|use|using|"
    r"please|given|if|do not|don't|never|"
    r"always|be |cite|think|keep|make sure|only|when|write|return|think step|context information|based on|act as|"
    r"你是|你叫|请|使用|根据|如果|不要|不得|必须|务必|回答|始终|仅|只|当用户|基于|以下是|下面是|已知信息)",
    re.IGNORECASE,
)
SHORT_PROMPT: Final = 400
SUMMARY_OF: Final = re.compile(
    r"^\W*(?:please\s+|kindly\s+|(?:can|could|would) you\s+)*"
    r"(?:summari[sz]e|sum up|condense|tl;?dr|(?:write|give(?: me)?|provide|create)\s+(?:\w+\s+){0,3}summary)\b"
    r"[^:\n]{0,80}(?::|\.?\s*\n)\s*|"
    r"^\W*(?:请你?|帮我|麻烦你?)*(?:用[^:\n]{1,10}[话字词])?(?:来)?(?:总结|概括|概述)[^:\n]{0,20}[:\n]\s*",
    re.IGNORECASE,
)
"""What stands before a text of which a summary is wanted."""
SUMMARY_LABEL: Final = re.compile(r"\n\s*(?:\w+\s+)?(?:summary|摘要|总结)\s*:?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the rest of the prompt it stood in.

    Args:
        text: The question alone.
        material: The rest; empty for a bare question.
    """

    text: str
    material: str = ""


def read_question(prompt: str) -> Question:
    """Find the question in a user's message.

    Args:
        prompt: The message, with or without context in it.

    Returns:
        The question: what follows a label such as ``Question:``, or the line that asks, or a short message whole.
    """
    prompt = prompt.strip()
    plain = halfwidth(prompt)
    if found := _labelled(prompt, plain) or _to_sum_up(prompt, plain):
        return found
    if "\n" not in prompt:
        return _among_sentences(prompt, plain)
    blocks = [block.strip() for block in re.split(r"\n\s*\n|\n(?=[^\n]*$)", prompt) if block.strip()]
    first_line = prompt.splitlines()[0].strip()
    if ENDS_ASKING.search(halfwidth(blocks[-1])):
        return _apart(prompt, blocks[-1])
    if ENDS_ASKING.search(halfwidth(first_line)) or halfwidth(first_line).endswith(":"):
        return _apart(prompt, first_line)
    if len(prompt) <= SHORT_PROMPT and not MATERIAL.search(plain):
        return _among_sentences(prompt, plain)
    short = [block for block in (first_line, blocks[-1]) if len(block) <= SHORT_PROMPT]
    return _apart(prompt, short[0]) if short else Question(prompt)


def is_instruction(sentence: str) -> bool:
    """Tell whether a sentence of a prompt gives orders and says nothing that could be quoted.

    Args:
        sentence: The sentence.

    Returns:
        Whether it does.
    """
    return INSTRUCTION.match(sentence) is not None


def follow_up(system: str, prompt: str) -> str | None:
    """Find the follow-up that a prompt wants rewritten as a question that stands alone.

    Args:
        system: The system message.
        prompt: The user's message.

    Returns:
        The follow-up as it was put; None when nothing is to be rewritten.
    """
    plain = halfwidth(prompt)
    if STANDALONE.search(halfwidth(system)) and not STANDALONE.search(plain):
        return prompt.strip()
    if not STANDALONE.search(plain):
        return None
    matches = list(FOLLOW_UP.finditer(plain))
    if not matches:
        return None
    place = matches[-1].span("line") if matches[-1]["line"] else matches[-1].span("block")
    return prompt[slice(*place)].strip()


def _apart(prompt: str, question: str) -> Question:
    return Question(question, prompt.replace(question, "\n", 1).strip())


def _labelled(prompt: str, plain: str) -> Question | None:
    for match in reversed(list(QUESTION_LABEL.finditer(plain))):
        end = next((m.start() for m in ANSWER_LABEL.finditer(plain, match.end())), len(plain))
        start = match.start("rest")
        text = prompt[start:end].strip()
        line = text.partition("\n")[0].strip()
        block = line if ENDS_ASKING.search(halfwidth(line)) else re.split(r"\n\s*(?:\n|-{3})", text)[0].strip()
        if block and MATERIAL.match(halfwidth(block)) is None:
            rest = prompt[: match.start()] + "\n\n" + prompt[start:end].replace(block, "", 1) + "\n\n" + prompt[end:]
            return Question(block, ANSWER_LABEL.sub("", rest).strip())
    return None


def _to_sum_up(prompt: str, plain: str) -> Question | None:
    lead = SUMMARY_OF.match(plain)
    if lead is None:
        return None
    rest = SUMMARY_LABEL.sub("", prompt[lead.end() :]).strip('"“”\n ')
    return Question(prompt[: lead.end()].strip(), rest) if rest else None


def _among_sentences(prompt: str, plain: str) -> Question:
    """Take a short message as the question; its statements are material as well."""
    if not ENDS_ASKING.search(plain):
        return Question(prompt)
    pieces = re.split(r"(?<=[.。!\uff01;\uff1b])(?!(?<=\d\.)\d)\s*(?=\S)", prompt)
    said = [piece for piece in pieces[:-1] if _says_something(piece)]
    asked = [piece for piece in pieces if piece not in said]
    return Question(" ".join(asked) if said else prompt, "\n".join(said))


def _says_something(sentence: str) -> bool:
    asks = ENDS_ASKING.search(halfwidth(sentence)) is not None
    return len(sentence) > 10 and not asks and not is_instruction(sentence)
