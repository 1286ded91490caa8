"""What everything that asks a cloud is told once: key, address, connection; and how it is stored and copied.

Which cloud it is, and what is asked, is its subclasses' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from llama_index.core.schema import BaseComponent
from pydantic import ConfigDict, Field, SecretStr, ValidationError

from maaskit.access import ConnectionArgs, invalid
from maaskit.errors import InvalidInput
from maaskit.llama_index.key import Key

if TYPE_CHECKING:
    from maaskit.connections import Settings

# Other names under which people know a field: LlamaIndex's peers'.
_SYNONYMS = {"api_base": "base_url", "async_http_client": "http_async_client"}

# What LlamaIndex gives to work with, and the methods by which it is worked with.
_HELPERS = {"rate_limiter": ("acquire", "async_acquire"), "callback_manager": ("event", "on_event_start")}


class Connected(BaseComponent):
    """Hold the way to a cloud."""

    # Pydantic would otherwise print a wrong argument, and all others with it, the key included.
    model_config = ConfigDict(hide_input_in_errors=True, arbitrary_types_allowed=True)

    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False, description="The key.")
    base_url: str | None = Field(default=None, description="Where the service is.")
    timeout: float | None = Field(default=None, description="Seconds to wait; unset, 120.")
    max_retries: int | None = Field(default=None, description="Further attempts; unset, 2.")
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False, description="Headers.")
    http_client: Any = Field(default=None, exclude=True, repr=False, description="An httpx.Client of your own.")
    http_async_client: Any = Field(default=None, exclude=True, repr=False, description="An httpx.AsyncClient.")

    synonyms: ClassVar[Mapping[str, str]] = {}
    way_out: ClassVar[str] = ""

    def __init__(self, **data: Any) -> None:
        names = _SYNONYMS | dict(self.synonyms)
        given = {names.get(name, name): value for name, value in data.items() if name != "class_name"}
        unknown = sorted(given.keys() - type(self).model_fields.keys())
        if unknown:
            raise InvalidInput(f"{type(self).__name__} takes no {', '.join(unknown)}{self.way_out}.")
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise invalid(error) from None
        except TypeError as error:  # a validator of core's, of a cache for instance
            raise InvalidInput(str(error)) from None
        self._check_helpers()
        self._complete()

    @classmethod
    def class_name(cls) -> str:
        """Give the name under which the class is serialised."""
        return cls.__name__

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Any:
        """Load what ``to_dict`` gave.

        Args:
            data: The dump; the key and ``default_headers`` are not in it.
            **kwargs: Settings that are not in the dump or shall be others, such as ``api_key``.

        Returns:
            The object, with the key that is given here or stands in the environment.

        Raises:
            ConfigurationError: There is neither.
        """
        return super().from_dict(data, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """Give what is pickled: the key as a reference (see ``Key``), clients of the user's not at all."""
        self.api_key = Key.of(self.api_key)
        # Core takes out of the living object what cannot be pickled, so it is given a copy.
        copied = self.__copy__()
        copied.http_client = copied.http_async_client = None
        return super(Connected, copied).__getstate__()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Load without asking for the key: it is looked for at the first use, and may be given as ``api_key``."""
        super().__init__(**state["__dict__"])

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the settings; what cannot or must not be copied is shared: clients of the user's, and their limiter."""
        memo = {} if memo is None else memo
        shared = (getattr(self, name, None) for name in ("http_client", "http_async_client", "rate_limiter"))
        memo.update((id(one), one) for one in shared if one is not None)
        return super().__deepcopy__(memo)

    def _check_helpers(self) -> None:
        """Refuse what core takes unseen, and would miss methods of in mid-work."""
        for name, methods in _HELPERS.items():
            helper = getattr(self, name, None)
            if helper is not None and not all(callable(getattr(helper, method, None)) for method in methods):
                raise InvalidInput(f"{name} must have {' and '.join(methods)}; {type(helper).__name__} has not.")

    def _complete(self) -> None:
        """Read the environment now, so that a missing key is found here and not at the first request."""
        provider = self._settings().provider
        self.api_key, self.base_url = Key.of(provider.api_key), provider.base_url

    def _settings(self) -> Settings:
        # Not an abstract method: core puts a tracing span around each implementation of one.
        raise NotImplementedError

    def _connection(self) -> ConnectionArgs:
        return {
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "http_client": self.http_client,
            "http_async_client": self.http_async_client,
            "default_headers": self.default_headers,
        }
