"""In which points the two clouds' chat endpoints and streams differ.

What they have in common is written once, in the ``chat_*`` files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from maaskit.sandbox.models import QINIU_MODELS, SEARCH_SUFFIX, SOPHNET_MODELS
from maaskit.sandbox.variants import Variants

MIB: Final = 1024 * 1024


def stream_headers(variants: Variants) -> dict[str, str]:
    """Write the header fields of a stream.

    Args:
        variants: The switches.

    Returns:
        Content-Type and Cache-Control.
    """
    charset = "; charset=utf-8" if variants.charset else ""
    return {"Content-Type": f"text/event-stream{charset}", "Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One cloud's way with chat.

    Args:
        name: ``qiniu`` or ``sophnet``.
        models: The models that exist.
        searches: Whether the suffix ``?search`` is understood.
        takes_schema: Whether ``response_format`` may be ``json_schema``.
        takes_documents: Whether a PDF may come as a picture, and files of other kinds as parts of their own.
        max_picture_bytes: How large a picture may be, in bytes.
        sse_prefix: What stands before an event's JSON.
        sends_done: Whether ``[DONE]`` ends a stream.
        role_comes_first: Whether a stream's first chunk has the role alone.
        null_roles: Whether later chunks have ``"role": null``.
    """

    name: str
    models: tuple[str, ...]
    searches: bool
    takes_schema: bool
    takes_documents: bool
    max_picture_bytes: int
    sse_prefix: str
    sends_done: bool
    role_comes_first: bool
    null_roles: bool

    def prefix(self, variants: Variants) -> str:
        """Return what stands before an event's JSON.

        Args:
            variants: The switches.

        Returns:
            ``data: ``, ``data:`` or nothing.
        """
        return {"cloud": self.sse_prefix, "space": "data: ", "no_space": "data:", "bare": ""}[variants.sse_prefix]

    def done(self, variants: Variants) -> bool:
        """Tell whether ``[DONE]`` ends a stream.

        Args:
            variants: The switches.

        Returns:
            Whether it does.
        """
        return {"cloud": self.sends_done, "sent": True, "absent": False}[variants.done]

    def line(self, data: bytes, variants: Variants) -> bytes:
        """Write one event of a stream.

        Args:
            data: What it says.
            variants: The switches.

        Returns:
            The event's line with what stands around it.
        """
        end = b"\r\n" if variants.newline == "crlf" else b"\n"
        blank = end if variants.blank_lines else b""
        comment = b": keep-alive" + end + blank if variants.comments else b""
        return comment + self.prefix(variants).encode() + data + end + blank

    def later_role(self, variants: Variants) -> dict[str, str | None]:
        """Return what chunks after the first say about the role.

        Args:
            variants: The switches.

        Returns:
            A part of a delta.
        """
        style = variants.null_roles
        if style == "cloud":
            style = "null" if self.null_roles else "absent"
        fields: dict[str, dict[str, str | None]] = {
            "null": {"role": None},
            "absent": {},
            "repeated": {"role": "assistant"},
        }
        return fields[style]

    def usage_place(self, variants: Variants, *, asked: bool) -> str:
        """Tell where a stream carries its usage.

        Args:
            variants: The switches.
            asked: Whether ``stream_options.include_usage`` asks for it.

        Returns:
            ``last_chunk``, ``empty_choices``, ``every_chunk`` or ``none``.
        """
        if variants.usage != "cloud":
            return variants.usage
        if self.name == "sophnet":
            return "last_chunk"
        return "empty_choices" if asked else "none"

    def base_model(self, model: str) -> tuple[str, bool]:
        """Take the suffix that asks for a search off a model's name.

        Args:
            model: The model as it was asked for.

        Returns:
            The model that must exist, and whether a search is asked for.
        """
        if self.searches and model.endswith(SEARCH_SUFFIX):
            return model.removesuffix(SEARCH_SUFFIX), True
        return model, False


QINIU: Final = Dialect(
    name="qiniu",
    models=QINIU_MODELS,
    searches=True,
    takes_schema=True,
    takes_documents=True,
    max_picture_bytes=8 * MIB,  # 注意:image_url 指向的文件大小不能超过 8MB
    sse_prefix="data: ",
    sends_done=True,
    role_comes_first=True,
    null_roles=False,
)
SOPHNET: Final = Dialect(
    name="sophnet",
    models=SOPHNET_MODELS,
    searches=False,
    takes_schema=False,
    takes_documents=False,
    max_picture_bytes=64 * MIB,  # the document gives no limit
    sse_prefix="data:",
    sends_done=False,
    role_comes_first=False,
    null_roles=True,
)
