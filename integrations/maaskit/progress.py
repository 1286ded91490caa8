"""A progress bar on request: tqdm's, which is loaded only then.

What is counted is not known here.
"""

from __future__ import annotations

import importlib
from types import TracebackType
from typing import Any, Self

from maaskit.errors import ConfigurationError


class Progress:
    """Show how far a number of things is done; a context manager that shows nothing unless asked to.

    Args:
        total: How many there are.
        name: What stands before the bar.
        show: Whether to show it.

    Raises:
        ConfigurationError: A bar is wanted and tqdm is not installed.
    """

    def __init__(self, total: int, name: str, *, show: bool) -> None:
        self._bar: Any = _bar(total, name) if show else None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def done(self, number: int = 1) -> None:
        """Move on.

        Args:
            number: How many more are done.
        """
        if self._bar is not None:
            self._bar.update(number)


def _bar(total: int, name: str) -> Any:
    try:
        tqdm = importlib.import_module("tqdm").tqdm  # only who wants a bar pays for it
    except ModuleNotFoundError:
        raise ConfigurationError("show_progress needs tqdm: pip install tqdm, or leave show_progress out.") from None
    return tqdm(total=total, desc=name)
