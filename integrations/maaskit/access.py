"""How the frameworks' classes reach a service: the keyword arguments that they share, and what becomes of them.

No socket is opened here, and no framework is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from pydantic import SecretStr, ValidationError

from maaskit.errors import InvalidInput
from maaskit.provider import Provider, SophNet
from maaskit.retry import RetryPolicy

if TYPE_CHECKING:
    from maaskit.connections import Settings

# What pydantic writes behind the name of an argument of several types: `str`, `list[str]`, `lax-or-strict[…]`.
_KIND = re.compile(r"(str|int|float|bool|bytes|dict|list|tuple|is-instance|lax-or-strict|function-\w+)(\[|$)")


class ConnectionArgs(TypedDict, total=False):
    """Be the keyword arguments about the way to a service; each may be left out.

    Args:
        timeout: Seconds to wait for an answer to begin and for it to be whole.
        max_retries: Further attempts after a passing failure; default 2.
        http_client: An ``httpx.Client`` of your own for synchronous calls; you close it.
        http_async_client: An ``httpx.AsyncClient`` of your own for asynchronous calls; you close it.
        default_headers: Further header fields for every request.
    """

    timeout: float | None
    max_retries: int | None
    http_client: Any
    http_async_client: Any
    default_headers: Mapping[str, str] | None


class SophNetArgs(ConnectionArgs, total=False):
    """Be the keyword arguments of everything that asks SophNet; each may be left out.

    Args:
        api_key: The key; by default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``.
        base_url: Where the service is; by default ``SOPHNET_BASE_URL``, then the cloud.
        project_id: The project; by default ``SOPHNET_PROJECT_ID``.
        easyllm_id: The service id; by default the service's own variable, then ``SOPHNET_EASYLLM_ID``.
    """

    api_key: str | SecretStr | None
    base_url: str | None
    project_id: str | None
    easyllm_id: str | None


def sophnet_settings(**arguments: Unpack[SophNetArgs]) -> Settings:
    """Make the settings of a class that asks SophNet; the environment is read here, once.

    Args:
        **arguments: See SophNetArgs.

    Returns:
        The settings.

    Raises:
        ConfigurationError: No key is given or set, or the key or URL cannot be one.
        InvalidInput: ``timeout``, ``max_retries`` or ``default_headers`` is out of range, or an argument unknown.
    """
    refuse_unknown(arguments, SophNetArgs.__optional_keys__)
    return settings_of(
        sophnet_provider(**arguments),
        timeout=arguments.get("timeout"),
        max_retries=arguments.get("max_retries"),
        http_client=arguments.get("http_client"),
        http_async_client=arguments.get("http_async_client"),
        default_headers=arguments.get("default_headers"),
    )


def sophnet_provider(**arguments: Unpack[SophNetArgs]) -> SophNet:
    """Make the provider alone.

    Args:
        **arguments: See SophNetArgs.

    Returns:
        The provider.

    Raises:
        ConfigurationError: No key is given or set, or the key or URL cannot be one.
    """
    return SophNet(
        api_key=arguments.get("api_key"),
        base_url=arguments.get("base_url"),
        project_id=arguments.get("project_id"),
        easyllm_id=arguments.get("easyllm_id"),
    )


def settings_of(provider: Provider, **arguments: Unpack[ConnectionArgs]) -> Settings:
    """Make the settings for one provider, and refuse early what its clients would refuse at the first use.

    Args:
        provider: Whom to ask.
        **arguments: See ConnectionArgs.

    Returns:
        The settings.

    Raises:
        InvalidInput: ``timeout``, ``max_retries`` or ``default_headers`` is out of its range.
    """
    # The transport is loaded where a class is made, so that importing the class costs nothing.
    from maaskit.arguments import checked_headers, checked_timeout  # noqa: PLC0415
    from maaskit.connections import Settings  # noqa: PLC0415

    checked_timeout(arguments.get("timeout"))
    checked_headers(arguments.get("default_headers"))
    retries = arguments.get("max_retries")
    if retries is not None:
        RetryPolicy(max_retries=retries)
    return Settings(provider, **arguments)


def refuse_unknown(arguments: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse an argument that there is none of: a setting that is misspelt must not be left out in silence.

    Args:
        arguments: What a class was given beside its own arguments.
        known: The names that there are.

    Raises:
        InvalidInput: There is another; its value, which may be secret, is not told.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes only

    for name in arguments:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"about the connection there are {', '.join(sorted(known))}."
            raise InvalidInput(f"There is no argument {name}: {hint}")


def invalid(error: ValidationError) -> InvalidInput:
    """Turn a refusal by pydantic into one of our tree.

    Args:
        error: The refusal.

    Returns:
        The error, which names the arguments that are wrong without their values: those may be secret.
    """
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return InvalidInput("; ".join(dict.fromkeys(f"{_place(fault['loc'])}: {fault['msg']}" for fault in faults)))


def _place(location: tuple[int | str, ...]) -> str:
    """Name the argument, and the place within it, but not the kinds that pydantic has tried one after the other."""
    within = [str(part) for part in location[1:] if not _KIND.match(str(part))]
    return ".".join([*map(str, location[:1]), *within])
