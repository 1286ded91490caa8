"""Which of SophNet's services a request goes to: the caller's own id, or the provider's.

Where a provider's ids come from stands in ``maaskit.provider``.
"""

from __future__ import annotations

from maaskit.errors import InvalidInput
from maaskit.wire import Variable


def service_id(given: str | None, service: str | None = None, *, argument: str = "easyllm_id") -> str | Variable:
    """Give what a request says of its service.

    Args:
        given: The caller's own id; ``None``, or nothing in it, stands for the provider's.
        service: The service whose id it is, where that is another than the request's.
        argument: The argument's name, for error messages.

    Returns:
        The id, or what the provider fills in.

    Raises:
        InvalidInput: It is no id.
    """
    if given is None or given == "":
        return Variable("easyllm_id", service)
    if not isinstance(given, str) or not given.strip(" .") or not given.isprintable():
        raise InvalidInput(
            f"{argument} must be the id of a service, as SophNet's console shows it, not {given!r:.100}; leave it out "
            "for the provider's."
        )
    return given.strip()
