"""How the frameworks' classes reach Qiniu: the keyword arguments that they share, and what becomes of them.

What both clouds share stands in ``access``; no socket is opened here, and no framework is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, cast

from pydantic import SecretStr

from maaskit.access import ConnectionArgs, refuse_unknown, settings_of
from maaskit.provider import Qiniu

if TYPE_CHECKING:
    from maaskit.connections import Settings


class QiniuArgs(ConnectionArgs, total=False):
    """Be the keyword arguments of everything that asks Qiniu; each may be left out.

    Args:
        api_key: The key; by default ``QINIU_API_KEY``.
        base_url: Where the service is; by default ``QINIU_BASE_URL``, then the cloud.
    """

    api_key: str | SecretStr | None
    base_url: str | None


def qiniu_settings(**arguments: Unpack[QiniuArgs]) -> Settings:
    """Make the settings of a class that asks Qiniu; the environment is read here, once.

    Args:
        **arguments: See QiniuArgs.

    Returns:
        The settings.

    Raises:
        ConfigurationError: No key is given or set, or the key or URL cannot be one.
        InvalidInput: ``timeout``, ``max_retries`` or ``default_headers`` is out of range, or an argument unknown.
    """
    refuse_unknown(arguments, QiniuArgs.__optional_keys__)
    provider = Qiniu(api_key=arguments.get("api_key"), base_url=arguments.get("base_url"))
    shared = {name: value for name, value in arguments.items() if name not in ("api_key", "base_url")}
    return settings_of(provider, **cast("ConnectionArgs", shared))
