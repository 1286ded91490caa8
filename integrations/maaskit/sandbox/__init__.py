"""Both clouds on loopback: a server that answers every documented endpoint without a key or a bill.

Nothing of the client's wire code is imported here: the sandbox is written from the services' documents alone.
"""

from __future__ import annotations

try:
    import aiohttp as _aiohttp  # noqa: F401 - only to say kindly that it is missing
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'maaskit.sandbox needs aiohttp: pip install "maaskit[sandbox]"', name="aiohttp"
    ) from error

from maaskit.sandbox.faults import Fault, Faults
from maaskit.sandbox.record import RecordedRequest, RequestLog
from maaskit.sandbox.server import Sandbox
from maaskit.sandbox.variants import Variants

__all__ = ["Fault", "Faults", "RecordedRequest", "RequestLog", "Sandbox", "Variants"]
