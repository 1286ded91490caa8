"""Which tools of a cloud are offered: those that are configured, or those that the user names.

What a tool does is not known here.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from maaskit.errors import ConfigurationError, InvalidInput
from maaskit.provider import Provider
from maaskit.toolbox.budget import Budget, MaxCalls, calls_of, checked_calls
from maaskit.toolbox.kinds import ToolKind
from maaskit.toolbox.tool import Means, Rules, Tool

if TYPE_CHECKING:
    from maaskit.connections import Settings

_log = logging.getLogger(__name__)


def chosen(kinds: Sequence[ToolKind], provider: Provider, include: Sequence[str] | None = None) -> list[ToolKind]:
    """Choose the kinds of tools that are offered.

    Args:
        kinds: All that the cloud has.
        provider: Whom they would ask.
        include: Names of tools (``sophnet_image``) or methods (``generate_image``); by default all that are configured.

    Returns:
        The kinds, in the order of ``include``, or of ``kinds``.

    Raises:
        InvalidInput: A name is unknown.
        ConfigurationError: A tool that is named is not configured; the message names the variable.
    """
    if include is None:
        return [kind for kind in kinds if _is_configured(kind, provider)]
    found = named(kinds, include)
    for kind in found:
        missing = kind.missing(provider)
        if missing is not None:
            raise ConfigurationError(f"{kind.name} is not configured: {missing}")
    return found


def named(kinds: Sequence[ToolKind], include: Sequence[str]) -> list[ToolKind]:
    """Find kinds of tools by name.

    Args:
        kinds: All that the cloud has.
        include: Names of tools or methods.

    Returns:
        The kinds, each once.

    Raises:
        InvalidInput: A name is unknown, or it is no list of names.
    """
    if isinstance(include, str) or not isinstance(include, Sequence):
        raise InvalidInput(f"include must be a list of tool names, not {include!r}.")
    by_name = {kind.method: kind for kind in kinds} | {kind.name: kind for kind in kinds}
    unknown = [name for name in include if name not in by_name]
    if unknown:
        raise InvalidInput(
            f"include: there is no tool {', '.join(map(repr, unknown))}; there are "
            f"{', '.join(kind.name for kind in kinds)}."
        )
    return list(dict.fromkeys(by_name[name] for name in include))


def made(
    kinds: Sequence[ToolKind],
    settings: Settings,
    rules: Rules,
    *,
    max_calls: MaxCalls = None,
    options: Mapping[str, Any] | None = None,
) -> list[Tool]:
    """Make tools.

    Args:
        kinds: Which.
        settings: Whom they ask, and how.
        rules: What they may do on this machine.
        max_calls: How often each may ask, for all or by name; by default any number of times.
        options: Options that are handed to those kinds that take them, such as ``storage``.

    Returns:
        The tools.

    Raises:
        InvalidInput: ``max_calls`` is no such number.
    """
    checked_calls(max_calls, {kind.name for kind in kinds} | {kind.method for kind in kinds})
    return [
        kind.make(
            Means(patient(settings, kind), rules, Budget(calls_of(max_calls, kind.name, kind.method))),
            **_own(kind, options or {}),
        )
        for kind in kinds
    ]


def patient(settings: Settings, kind: ToolKind) -> Settings:
    """Wait as long as a kind of tool takes, unless the user set a time.

    Args:
        settings: The settings.
        kind: The kind of tool.

    Returns:
        The settings for it.
    """
    if settings.timeout is not None or kind.timeout_s is None:
        return settings
    return replace(settings, timeout=kind.timeout_s)


def _is_configured(kind: ToolKind, provider: Provider) -> bool:
    missing = kind.missing(provider)
    if missing is not None:
        _log.debug("%s is left out: %s", kind.name, missing)
    return missing is None


def _own(kind: ToolKind, options: Mapping[str, Any]) -> dict[str, Any]:
    taken = inspect.signature(kind.make).parameters
    return {name: value for name, value in options.items() if name in taken}
