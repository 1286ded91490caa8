"""Which form a recording has, and how long it plays, told by its name, its media type and its first bytes.

Nothing is sent or decoded here: how long a recording plays is known of a WAV only, whose header says it.
"""

from __future__ import annotations

import math
from pathlib import PurePath

from maaskit.errors import InvalidInput
from maaskit.media import Media, sniff
from maaskit.wav import UNTOLD_BYTES, read_head

# The document: "支持音频格式:wav、mp3、m4a、flv、mp4、wma、3gp、amr、aac、ogg-opus、flac".
FORMATS = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "flv": "video/x-flv",
    "mp4": "video/mp4",
    "wma": "audio/x-ms-wma",
    "3gp": "video/3gpp",
    "amr": "audio/amr",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
}
ALLOWED = "wav, mp3, m4a, flv, mp4, wma, 3gp, amr, aac, ogg (opus) and flac"

_BY_TYPE = {kind: name for name, kind in reversed(FORMATS.items())} | {
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mp3": "mp3",
    "audio/m4a": "m4a",
    "audio/x-m4a": "m4a",
    "audio/3gpp": "3gp",
    "audio/opus": "opus",
    "audio/x-flac": "flac",
    "audio/x-aac": "aac",
}
# What the first bytes tell: the forms that begin so, the likeliest first.
_BEGINNINGS: tuple[tuple[bytes, tuple[str, ...]], ...] = (
    (b"ID3", ("mp3", "aac", "flac")),
    (b"\xff\xfb", ("mp3",)),
    (b"\xff\xfa", ("mp3",)),
    (b"\xff\xf3", ("mp3",)),
    (b"\xff\xf2", ("mp3",)),
    (b"\xff\xf1", ("aac",)),
    (b"\xff\xf9", ("aac",)),
    (b"OggS", ("ogg", "opus")),
    (b"fLaC", ("flac",)),
    (b"#!AMR", ("amr",)),
    (b"FLV\x01", ("flv",)),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ("wma",)),
)
_WAV_HEAD_BYTES = 64 * 1024


def upload_name(media: Media, *, argument: str = "audio") -> tuple[str, str]:
    """Tell under which file name and media type a recording is uploaded.

    Args:
        media: Data or a path.
        argument: The argument's name, for error messages.

    Returns:
        The file name, with the ending that its form has, and the media type.

    Raises:
        InvalidInput: It is none of the service's forms, is not what its name says, or nothing tells what it is.
    """
    ending = media.suffix[1:]
    named = ending if ending in FORMATS else _BY_TYPE.get((media.content_type or "").partition(";")[0].strip().lower())
    found = _beginning(media.head(64))
    if not found:
        _check_other(media, argument)
    if named is not None and found and named not in found:
        raise InvalidInput(
            f"{argument}: {media.name or 'the recording'} is named .{named}, but its content is {found[0]}; rename it."
        )
    kind = named or (found[0] if found else None)
    if kind is None:
        what = f"the ending .{ending} is none of them" if ending else "neither name nor content tells the form"
        raise InvalidInput(
            f"{argument} must be {ALLOWED}, and {what}. Convert it, or pass Media(data=…, name='talk.mp3')."
        )
    name = PurePath(media.name or "recording").name
    return (name if ending == kind else f"{name}.{kind}"), FORMATS[kind]


def check_address(media: Media, *, argument: str = "audio") -> None:
    """Refuse a URL whose ending says that it is no recording; of others nothing is known before the service asks.

    Args:
        media: A URL.
        argument: The argument's name, for error messages.

    Raises:
        InvalidInput: Its ending is that of a picture or a document.
    """
    kind = media.mime_type()
    if kind is not None and not kind.startswith(("audio/", "video/")):
        raise InvalidInput(f"{argument} ends in {media.suffix}, which is {kind}; it must be {ALLOWED}.")


def check_length(media: Media, longest_s: float, *, argument: str = "audio", way_out: str) -> None:
    """Refuse a recording that is known to play too long.

    Args:
        media: Data or a path.
        longest_s: Most seconds.
        argument: The argument's name, for error messages.
        way_out: What to do about it, as a sentence.

    Raises:
        InvalidInput: It plays longer.
    """
    plays_s = duration_s(media)
    if plays_s is not None and plays_s > longest_s:
        shown = math.ceil(plays_s * 1000) / 1000  # upwards, so that no figure equals the limit
        raise InvalidInput(f"{argument} plays {shown:.10g} s; at most {longest_s:g} s are allowed. {way_out}")


def duration_s(media: Media) -> float | None:
    """Tell how long a WAV plays.

    Args:
        media: The recording.

    Returns:
        Seconds, or ``None`` for other forms, and where the header does not tell.
    """
    head = read_head(media.head(_WAV_HEAD_BYTES))
    size = media.size()
    if head is None or size is None or not head.bytes_per_s:
        return None
    there = max(0, size - head.start)
    told = head.size if 0 < head.size < UNTOLD_BYTES else there
    return min(told, there) / head.bytes_per_s


def _beginning(head: bytes) -> tuple[str, ...]:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return ("wav",)
    if head[4:8] == b"ftyp":
        brand = head[8:12].lower()
        first = "m4a" if brand == b"m4a " else "3gp" if brand.startswith(b"3g") else "mp4"
        return (first, *({"mp4", "m4a", "3gp"} - {first}))
    return next((names for magic, names in _BEGINNINGS if head.startswith(magic)), ())


def _check_other(media: Media, argument: str) -> None:
    kind = sniff(media.head(64))
    if kind is not None:
        raise InvalidInput(f"{argument} is {kind}; it must be {ALLOWED}.")
