"""What a caller gives of keys, addresses and ids, as an argument or in the environment, checked.

Nothing is sent here; apart from this file nobody reads the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from pydantic import SecretStr

from maaskit.errors import ConfigurationError


def environment(name: str) -> str | None:
    """Read a variable; nobody but this file looks into the environment.

    Args:
        name: The variable.

    Returns:
        Its value without surrounding white space, or ``None`` when it is not set or empty.
    """
    value = os.environ.get(name, "").strip()
    return value or None


def environment_secret(*names: str) -> SecretStr | None:
    """Read a secret, wrapped at once: reports of errors show the variables of each frame.

    Args:
        names: Variables; the first that is set wins.

    Returns:
        Its value without surrounding white space, or ``None`` when none is set.
    """
    return next((SecretStr(found) for name in names if (found := environment(name))), None)


def checked_key(api_key: str | SecretStr | None, name: str, variables: Sequence[str]) -> SecretStr:
    """Check a key, or take it from the environment.

    Args:
        api_key: The key, or ``None``.
        name: The provider's name, for error messages.
        variables: Where it may stand; the first that is set wins.

    Returns:
        The key, wrapped.

    Raises:
        ConfigurationError: There is none, or it cannot be one.
    """
    given = environment_secret(*variables) if api_key is None else api_key
    if given is None:
        names = " or ".join(variables)
        raise ConfigurationError(f"{name} needs a key: pass api_key or set the environment variable {names}.")
    key = given if isinstance(given, SecretStr) else SecretStr(given)
    fault = _fault_of(key)
    if fault is not None:
        raise ConfigurationError(f"The api_key of {name} {fault}.")
    return SecretStr(_bare(key))


def _bare(key: SecretStr) -> str:
    # The documents write both `"Bearer" + Apikey` and `"Bearer " + Apikey`; people paste the word with the key.
    return re.sub(r"^\s*bearer\s+", "", key.get_secret_value(), flags=re.IGNORECASE).strip()


def _fault_of(key: SecretStr) -> str | None:
    """Say why something cannot be a key; nothing is raised from here, where the key lies open in a variable."""
    if not isinstance(key.get_secret_value(), str):
        return f"must be a string, not {type(key.get_secret_value()).__name__}"
    value = _bare(key)
    if not value:
        return "is empty"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "has characters that no key has (white space or other than ASCII)"
    return None


def checked_base_url(base_url: str, name: str, example: str) -> str:
    """Check the address of a service.

    Args:
        base_url: The address.
        name: The provider's name, for error messages.
        example: An address that is one.

    Returns:
        The address, its scheme in lower case, without white space around it or a slash at its end.

    Raises:
        ConfigurationError: It is no http or https URL, or has a part that it must not have.
    """
    try:
        parts = urlsplit(base_url.strip())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (AttributeError, ValueError):  # no string, or brackets or a port that are none
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f\\]", base_url.strip()):
        raise ConfigurationError(f"base_url of {name} must be an http or https URL such as {example}.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(f"base_url of {name} must have no user, query or fragment.")
    scheme, colon, rest = base_url.strip().rstrip("/").partition(":")
    return scheme.lower() + colon + rest


def checked_id(name: str, value: str | None) -> str | None:
    """Check an id of SophNet's.

    Args:
        name: The argument's name, for error messages.
        value: The id, or ``None``.

    Returns:
        The same, without white space around it.

    Raises:
        ConfigurationError: It cannot be one.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or not value.strip(" ."):
        raise ConfigurationError(f"{name} of SophNet must be an id as its console shows it, not {value!r}.")
    return value.strip()
