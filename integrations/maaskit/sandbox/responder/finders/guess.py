"""A finder's answer, and the purposes that a property's name and description betray.

No text is searched here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from maaskit.sandbox.responder.schemas import Schema, Slot
from maaskit.sandbox.responder.words import CAMEL


@dataclass(frozen=True, slots=True)
class Guess:
    """A value for a slot.

    Args:
        value: The value.
        spent: Where in the evidence it stands; None when it does not use a place up.
    """

    value: Any
    spent: tuple[int, int] | None = None


PURPOSES: Final = {
    "expression": re.compile(
        r"(?i)\b(?:expression|formula|equation|calculation|arithmetic|math)|算式|表达式|公式|运算"
    ),
    "query": re.compile(
        r"(?i)\b(?:query|question|search|keywords?|q|prompt|request|user input|look ?up)\b|问题|查询|关键词|检索|搜索"
    ),
    "place": re.compile(
        r"(?i)\b(?:location|city|place|town|region|destination|origin|country|address|area|where|"
        r"room|venue)\b|城市|地点|位置|地区|地名|目的地|地址|国家"
    ),
    "name": re.compile(
        r"(?i)\b(?:name|person|customer|author|director|actor|actress|producer|writer|artist|singer|manager|teacher|student|ceo|founder|president|leader|title|recipient|sender|who|company|user|owner|client|"
        r"contact|employee|guest)\b|姓名|名字|名称|客户|人名|公司|作者|用户|导演|演员|负责人|标题|书名"
    ),
    "date": re.compile(
        r"(?i)\b(?:date|day|when|deadline|birthday|check ?(?:in|out)|start|end|since|until)\b|日期|时间|哪天|截止|生日"
    ),
    "time": re.compile(r"(?i)\b(?:time|hour|clock)\b|时间|时刻|几点"),
    "email": re.compile(r"(?i)\be-?mails?\b|邮箱|邮件地址|电邮"),
    "url": re.compile(r"(?i)\b(?:url|link|website|webpage|uri|href)\b|网址|链接"),
    "path": re.compile(r"(?i)\b(?:path|file ?name|file|folder|directory)\b|路径|文件名|文件"),
    "identifier": re.compile(
        r"(?i)\b(?:id|identifier|code|sku|order|ticket|reference|isbn|number|no|symbol|ticker)\b|"
        r"编号|订单号|单号|代码|编码|号码"
    ),
    "language": re.compile(r"(?i)\b(?:language|lang|locale)\b|语言|语种"),
    "latitude": re.compile(r"(?i)\b(?:lat|latitude)\b|纬度"),
    "longitude": re.compile(r"(?i)\b(?:lon|lng|long|longitude)\b|经度"),
    "text": re.compile(
        r"(?i)\b(?:text|sentence|content|message|body|paragraph|document|note|input|statement|"
        r"speech|subject)\b|文本|内容|正文|句子|消息|原文"
    ),
    "explanation": re.compile(
        r"(?i)\b(?:description|details?|about|comment|notes?|remarks?|summary)\b|描述|说明|简介|备注"
    ),
    "answer": re.compile(
        r"(?i)\b(?:answer|response|reply|conclusion|summary|explanation|reasoning|rationale|"
        r"justification|finding|thoughts?|result)\b|回答|答案|答复|摘要|总结|解释|理由|结论|结果"
    ),
    "sources": re.compile(r"(?i)\b(?:sources?|citations?|references?|documents?|files?)\b|来源|出处|引用|参考"),
    "degree": re.compile(
        r"(?i)\b(?:confidence|score|probability|certainty|likelihood|relevance|rating)\b|置信|概率|得分|评分"
    ),
    "keywords": re.compile(r"(?i)\b(?:keywords?|tags?|topics?|themes?|terms|entities|words)\b|关键词|标签|主题"),
    "colour": re.compile(r"(?i)\bcolou?rs?\b|颜色"),
    "style": re.compile(
        r"(?i)\b(?:style|tone|manner|mood|type|kind|genre|category|flavou?r|theme|topic|"
        r"subject)\b|风格|语气|类型|种类|主题|类别"
    ),
    "currency": re.compile(r"(?i)\bcurrenc(?:y|ies)\b|货币|币种"),
    "label": re.compile(r"(?i)\b(?:label|caption|nickname|alias|heading)\b"),
    "mailbox": re.compile(r"(?i)^(?:to|cc|bcc|from|recipients?|senders?|receivers?|addressees?)$"),
    "unit": re.compile(r"(?i)\bunits?\b|单位"),
}


def purpose_in_name(slot: Slot, purpose: str) -> bool:
    """Tell whether a property's name betrays a purpose.

    Args:
        slot: The property.
        purpose: A key of `PURPOSES`.

    Returns:
        Whether it does.
    """
    return PURPOSES[purpose].search(CAMEL.sub(" ", slot.name)) is not None


def has_purpose(slot: Slot, purpose: str) -> bool:
    """Tell whether a property's name or its description betrays a purpose.

    Args:
        slot: The property.
        purpose: A key of `PURPOSES`.

    Returns:
        Whether either does.
    """
    return purpose_in_name(slot, purpose) or PURPOSES[purpose].search(slot.description) is not None


def takes_text(slot: Slot) -> Schema | None:
    """Return the branch of a slot that takes free text.

    Args:
        slot: The property.

    Returns:
        A schema of type string, or one of any type; None when there is neither.
    """
    return slot.of_kind("string") or slot.of_kind("any")


def takes_number(slot: Slot) -> Schema | None:
    """Return the branch of a slot that takes a number.

    Args:
        slot: The property.

    Returns:
        A schema of type integer or number; None when there is none.
    """
    return slot.of_kind("integer", "number")


def in_bounds(value: float, schema: Schema) -> bool:
    """Tell whether a number is one that a schema allows.

    Args:
        value: The number.
        schema: A schema of type integer or number.

    Returns:
        Whether its type and bounds fit.
    """
    if schema.get("type") == "integer" and value != int(value):
        return False
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    return not (
        (isinstance(low, int | float) and value < low)
        or (isinstance(above, int | float) and not isinstance(above, bool) and value <= above)
        or (isinstance(high, int | float) and value > high)
        or (isinstance(below, int | float) and not isinstance(below, bool) and value >= below)
    )


def as_typed(value: float, schema: Schema) -> int | float:
    """Write a number as its schema wants it.

    Args:
        value: The number.
        schema: A schema of type integer or number.

    Returns:
        An int for integers and for whole numbers that were written so.
    """
    return int(value) if schema.get("type") == "integer" else value
