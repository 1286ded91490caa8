"""Which tools of a cloud are offered: those that are configured, or those that the user names.

What a tool does is not known here.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from maaskit.errors import ConfigurationError, InvalidInput
from maaskit.provider import Provider
from maaskit.toolbox.budget import Budget, MaxCalls, calls_of
from maaskit.toolbox.kinds import ToolKind
from maaskit.toolbox.tool import Means, Rules, Tool

if TYPE_CHECKING:
    from maaskit.connections import Settings

Options: TypeAlias = "Mapping[str, Mapping[str, Any]] | None"

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


def named(kinds: Sequence[ToolKind], include: Sequence[str], *, argument: str = "include") -> list[ToolKind]:
    """Find kinds of tools by name.

    Args:
        kinds: All that the cloud has.
        include: Names of tools or methods.
        argument: The caller's name for them, for messages.

    Returns:
        The kinds, each once.

    Raises:
        InvalidInput: A name is unknown, or it is no list of names.
    """
    if isinstance(include, str) or not isinstance(include, Sequence):
        raise InvalidInput(f"{argument} must be a list of tool names, not {include!r}.")
    by_name = {kind.method: kind for kind in kinds} | {kind.name: kind for kind in kinds}
    unknown = [name for name in include if name not in by_name]
    if unknown:
        raise InvalidInput(
            f"{argument}: there is no tool {', '.join(map(repr, unknown))}; there are "
            f"{', '.join(f'{kind.name} ({kind.method})' for kind in kinds)}."
        )
    return list(dict.fromkeys(by_name[name] for name in include))


def made(
    kinds: Sequence[ToolKind],
    settings: Settings,
    rules: Rules,
    *,
    max_calls: MaxCalls = None,
    options: Options = None,
    storage: Any = None,
) -> list[Tool]:
    """Make tools.

    Args:
        kinds: Which.
        settings: Whom they ask, and how.
        rules: What they may do on this machine.
        max_calls: How often each may ask, for all or by name; by default any number of times.
        options: Options of single tools by name, such as ``{"sophnet_image": {"model": "z-image-turbo"}}``.
        storage: Where local files are put for services that take URLs only.

    Returns:
        The tools.

    Raises:
        InvalidInput: A limit or an option is none.
    """
    tools = []
    for kind in kinds:
        budget = Budget(calls_of(max_calls, kind.name, kind.method))
        tools.append(made_of(kind, Means(settings, rules, budget), options, storage=storage))
    return tools


def made_of(kind: ToolKind, means: Means, options: Options = None, *, storage: Any = None) -> Tool:
    """Make one tool.

    Args:
        kind: Which.
        means: What it works with.
        options: Options of tools by name, this one's among them.
        storage: Where local files are put, for a tool whose service takes URLs only.

    Returns:
        The tool.

    Raises:
        InvalidInput: An option is none.
    """
    own = dict(options_of(options, kind))
    _check_own(kind, own)
    if storage is not None and "storage" in _options(kind):
        own.setdefault("storage", storage)
    return kind.make(replace(means, settings=patient(means.settings, kind)), **own)


def options_of(options: Options, kind: ToolKind) -> Mapping[str, Any]:
    """Give the options of one tool.

    Args:
        options: Options of tools by name.
        kind: The tool's kind.

    Returns:
        Its options.
    """
    return {**(options or {}).get(kind.method, {}), **(options or {}).get(kind.name, {})}


def checked_options(kinds: Sequence[ToolKind], options: Options) -> None:
    """Refuse options of tools that do not exist, and options that a tool does not have.

    Args:
        kinds: All that there are.
        options: Options of tools by name.

    Raises:
        InvalidInput: One is unknown.
    """
    if options is not None and not isinstance(options, Mapping):
        raise InvalidInput("options must be a mapping of tool names to their options.")
    for name, own in (options or {}).items():
        (kind,) = named(kinds, [name], argument="options")
        if not isinstance(own, Mapping):
            raise InvalidInput(f"options[{name!r}] must be a mapping, not {own!r}.")
        _check_own(kind, own)


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


def _check_own(kind: ToolKind, own: Mapping[str, Any]) -> None:
    known = _options(kind)
    unknown = [str(name) for name in own if name not in known]
    if unknown:
        raise InvalidInput(
            f"options: {kind.name} has no {', '.join(unknown)}; it has {', '.join(sorted(known)) or 'none'}."
        )


def _options(kind: ToolKind) -> set[str]:
    return {name for name, one in inspect.signature(kind.make).parameters.items() if one.kind is one.KEYWORD_ONLY}
