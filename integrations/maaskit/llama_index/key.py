"""A key that works in memory and in worker processes and leaves no trace in a dump.

Where keys come from is the provider's business (``maaskit.provider``).
"""

from __future__ import annotations

import secrets
import weakref
from multiprocessing.reduction import ForkingPickler
from typing import Any

from pydantic import SecretStr

_living: weakref.WeakValueDictionary[str, Key] = weakref.WeakValueDictionary()


class Key(SecretStr):
    """Be a secret that is pickled as a reference.

    Pickled bytes lie on disks and in caches, so they hold a random number in place of the key. Loaded while the key is
    still alive in the process (or in a fork of it), the number leads to it; otherwise the loaded object has no key, and
    its provider takes the one of the environment. What ``multiprocessing`` hands to a worker is read at once and kept
    nowhere: there, and only there, the key itself goes along.
    """

    def __init__(self, secret_value: str) -> None:
        super().__init__(secret_value)
        self.reference = secrets.token_hex(16)
        _living[self.reference] = self

    @classmethod
    def of(cls, key: str | SecretStr | None) -> Key | None:
        """Wrap a key.

        Args:
            key: The key in any form.

        Returns:
            The wrapped key, the same one when it is wrapped already, or ``None`` for none.
        """
        if key is None or isinstance(key, Key):
            return key
        return cls(key.get_secret_value() if isinstance(key, SecretStr) else key)

    def __reduce__(self) -> tuple[Any, ...]:
        """Give the reference."""
        return recalled, (self.reference,)

    def __copy__(self) -> Key:
        """Give the key itself: it never changes."""
        return self

    def __deepcopy__(self, memo: Any) -> Key:
        """Give the key itself: it never changes."""
        return self


def recalled(reference: str) -> Key | None:
    """Find the key that a reference in a pickle stands for.

    Args:
        reference: The random number.

    Returns:
        The key, or ``None`` when it does not live in this process.
    """
    return _living.get(reference)


def _for_a_worker(key: Key) -> tuple[Any, ...]:
    return Key, (key.get_secret_value(),)


ForkingPickler.register(Key, _for_a_worker)
