"""Which tools are served: those of the clouds that the environment names, within the rules of who starts the server.

How a tool is chosen within one cloud is ``toolbox.selection``'s business.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from maaskit.access import settings_of
from maaskit.errors import ConfigurationError, InvalidInput
from maaskit.provider import Provider, Qiniu, SophNet, environment
from maaskit.toolbox import QINIU_TOOLS, SOPHNET_TOOLS, Tool, ToolKind, chosen, made, rules

Folder: TypeAlias = "str | os.PathLike[str] | None"

_CLOUDS: tuple[tuple[type[Provider], Sequence[ToolKind]], ...] = ((Qiniu, QINIU_TOOLS), (SophNet, SOPHNET_TOOLS))


def offered(
    *,
    root_dir: Folder = None,
    output_dir: Folder = None,
    include: Sequence[str] | None = None,
    allowed_hosts: Collection[str] | None = None,
    max_calls: int | Mapping[str, int] | None = None,
    task_timeout: float | None = None,
    timeout: float | None = None,
) -> list[Tool]:
    """Make the tools of every cloud whose key the environment holds.

    Args:
        root_dir: The folder whose files may be read; by default none.
        output_dir: The folder for results; by default a URL stays one, and bytes are kept in memory for a while.
        include: Names of tools (``sophnet_image``) or methods (``generate_image``); by default all that are configured.
        allowed_hosts: Hosts that may be fetched from although their addresses are private.
        max_calls: How often each tool may ask, for all or by name; by default any number of times.
        task_timeout: Seconds that a tool waits for long work; by default the work's own.
        timeout: Seconds to wait for an answer; by default the tool's own.

    Returns:
        The tools, one or more.

    Raises:
        ConfigurationError: No cloud is configured, or not the one of a tool that is named; the message names the
            variable.
        InvalidInput: A name is unknown, or a rule is none.
    """
    found: list[Tool] = []
    for cloud, kinds, names in _asked(include):
        provider = cloud()
        limits = rules(
            provider,
            root_dir=root_dir,
            output_dir=output_dir,
            allowed_hosts=allowed_hosts,
            task_timeout=task_timeout,
        )
        settings = settings_of(provider, timeout=timeout)
        found += made(chosen(kinds, provider, names), settings, limits, max_calls=max_calls)
    if not found:
        raise ConfigurationError(
            "There is no tool to serve: set QINIU_API_KEY or SOPHNET_API_KEY. python -m maaskit doctor shows what is."
        )
    return found


def _asked(include: Sequence[str] | None) -> list[tuple[type[Provider], Sequence[ToolKind], list[str] | None]]:
    """Say which clouds are asked for which tools."""
    if include is None:
        return [(cloud, kinds, None) for cloud, kinds in _CLOUDS if _has_key(cloud)]
    if isinstance(include, str) or not isinstance(include, Sequence):
        raise InvalidInput(f"include must be a list of tool names, not {include!r}.")
    known = {cloud: {name for kind in kinds for name in (kind.name, kind.method)} for cloud, kinds in _CLOUDS}
    unknown = [name for name in include if not any(name in names for names in known.values())]
    if unknown:
        names = ", ".join(kind.name for _, kinds in _CLOUDS for kind in kinds)
        raise InvalidInput(f"include: there is no tool {', '.join(map(repr, unknown))}; there are {names}.")
    asked: list[tuple[type[Provider], Sequence[ToolKind], list[str] | None]] = []
    for cloud, kinds in _CLOUDS:
        # A method that both clouds have is taken of those that are configured; a tool's name asks for its cloud.
        tools = {kind.name for kind in kinds}
        names_here = [name for name in include if name in known[cloud] and (name in tools or _has_key(cloud))]
        if names_here:
            asked.append((cloud, kinds, names_here))
    return asked


def _has_key(cloud: type[Provider]) -> bool:
    return any(environment(name) for name in cloud.key_variables)
