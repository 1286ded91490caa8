"""A tiny built-in web for models that may search: a few pages, each of which says that it is none.

The pages are served by `maaskit.sandbox.own_pages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.responder.passages import Passage


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the built-in web.

    Args:
        slug: Its name in the URL.
        title: Its title.
        text: Its text.
    """

    slug: str
    title: str
    text: str


PAGES: Final = (
    Page(
        "about-this-web",
        "关于这个网络 / About this web",
        "This page belongs to the maaskit sandbox: it is not the real web, and nothing on it was looked up anywhere. "
        "这个页面来自 maaskit 沙盒,不是真实的互联网,其中的内容没有经过任何检索。",
    ),
    Page(
        "gpu-cloud",
        "GPU 云主机用途(沙盒示例)",
        "沙盒示例页面:GPU 云产品能用于深度学习训练、模型推理、图像与视频渲染、科学计算等场景。"
        "Sandbox sample page: GPU cloud servers are used for training, inference, rendering and scientific computing.",
    ),
    Page(
        "object-storage",
        "对象存储简介(沙盒示例)",
        "沙盒示例页面:对象存储用于保存图片、音频、视频和文档,并提供在线访问地址。"
        "Sandbox sample page: object storage keeps pictures, sound, video and documents and gives each a URL.",
    ),
    Page(
        "model-inference",
        "大模型推理服务(沙盒示例)",
        "沙盒示例页面:推理服务通过兼容 OpenAI 的接口提供大语言模型、语音识别、语音合成和文字识别。"
        "Sandbox sample page: an inference service offers language models, speech and text recognition over an API.",
    ),
    Page(
        "weather",
        "天气(沙盒示例)",
        "沙盒示例页面:沙盒里的天气永远是晴天,气温二十度。"
        "Sandbox sample page: in the sandbox the weather is always sunny, at twenty degrees.",
    ),
)


def passages() -> list[Passage]:
    """Return the pages as passages whose sources are their slugs.

    Returns:
        One passage for each page.
    """
    return [Passage(page.text, page.slug) for page in PAGES]


def page_of(slug: str) -> Page | None:
    """Find a page.

    Args:
        slug: Its name in the URL.

    Returns:
        The page, or None.
    """
    return next((page for page in PAGES if page.slug == slug), None)
