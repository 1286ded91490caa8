"""The one account of the sandbox's object storage: its keys, and what they have signed.

Files are kept in `bucket`; requests are read by `own_storage`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maaskit.sandbox.bucket import StorageError
from maaskit.sandbox.json_text import decode


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """Hold the keys of a bucket.

    Args:
        bucket: The one bucket that exists.
        access_key: Says who signs.
        secret_key: Signs; it is never sent.
    """

    bucket: str = field(default_factory=lambda: f"bucket-{secrets.token_hex(4)}")
    access_key: str = field(default_factory=lambda: f"access-{secrets.token_hex(8)}")
    secret_key: str = field(default_factory=lambda: f"secret-{secrets.token_hex(16)}", repr=False)

    def policy(self, token: str) -> Mapping[str, Any]:
        """Check an upload token.

        Args:
            token: ``access key:signature:policy``.

        Returns:
            The policy that was signed.

        Raises:
            StorageError: It is none, not of this account, or expired (401), or of another bucket (631).
        """
        parts = token.split(":")
        if len(parts) != 3:
            raise StorageError(401, "bad token")
        self._check_signature(parts[0], parts[1], parts[2])
        try:
            policy = decode(base64.urlsafe_b64decode(parts[2]))
        except (binascii.Error, ValueError):
            raise StorageError(400, "invalid put policy") from None
        if not isinstance(policy, dict) or not isinstance(policy.get("scope"), str):
            raise StorageError(400, "invalid scope in the put policy")
        self._check_deadline(policy.get("deadline"))
        if policy["scope"].partition(":")[0] != self.bucket:
            raise StorageError(631, "no such bucket")
        return policy

    def check_download(self, url: str) -> None:
        """Check a signed download URL.

        Args:
            url: The whole of it, as it was asked for.

        Raises:
            StorageError: Its signature is wrong or it has expired (401).
        """
        signed, _, token = url.partition("&token=")
        owner, _, signature = token.partition(":")
        self._check_signature(owner, signature, signed)
        deadline = signed.rpartition("e=")[2]
        self._check_deadline(int(deadline) if deadline.isdecimal() else None)

    def _check_signature(self, owner: str, signature: str, text: str) -> None:
        digest = hmac.new(self.secret_key.encode(), text.encode(), hashlib.sha1).digest()
        right = base64.urlsafe_b64encode(digest).decode()
        if owner != self.access_key or not hmac.compare_digest(signature.encode(), right.encode()):
            raise StorageError(401, "bad token")

    def _check_deadline(self, deadline: Any) -> None:
        if isinstance(deadline, bool) or not isinstance(deadline, int) or deadline < time.time():
            raise StorageError(401, "expired token")
