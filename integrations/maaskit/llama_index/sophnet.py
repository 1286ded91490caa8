"""What everything but the LLM that asks SophNet is told once: key, ids, connection; and how it is stored.

What is asked stands in ``embeddings`` and ``readers``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from llama_index.core.schema import BaseComponent
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from maaskit.access import SophNetArgs, invalid, sophnet_provider, sophnet_settings
from maaskit.errors import InvalidInput
from maaskit.llama_index.key import Key
from maaskit.llama_index.places import Places

if TYPE_CHECKING:
    from maaskit.connections import Settings

# Other names under which people know a field: LlamaIndex's peers', and this package's other faces'.
_SYNONYMS = {"api_base": "base_url", "async_http_client": "http_async_client"}


class SophNetComponent(BaseComponent):
    """Hold the way to SophNet."""

    # Pydantic would otherwise print a wrong argument, and all others with it, the key included.
    model_config = ConfigDict(hide_input_in_errors=True, arbitrary_types_allowed=True)

    max_concurrency: int = Field(default=4, ge=1, description="Requests under way at once.")
    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False, description="The key.")
    base_url: str | None = Field(default=None, description="Where the service is.")
    project_id: str | None = Field(default=None, description="The project.")
    easyllm_id: str | None = Field(default=None, description="The service id.")
    timeout: float | None = Field(default=None, description="Seconds to wait; unset, 120.")
    max_retries: int | None = Field(default=None, description="Further attempts; unset, 2.")
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False, description="Headers.")
    http_client: Any = Field(default=None, exclude=True, repr=False, description="An httpx.Client of your own.")
    http_async_client: Any = Field(default=None, exclude=True, repr=False, description="An httpx.AsyncClient.")

    _places: Places = PrivateAttr(default_factory=Places)

    service: ClassVar[str | None] = None
    synonyms: ClassVar[dict[str, str]] = {}

    def __init__(self, **data: Any) -> None:
        names = _SYNONYMS | self.synonyms
        given = {names.get(name, name): value for name, value in data.items() if name != "class_name"}
        unknown = sorted(given.keys() - type(self).model_fields.keys())
        if unknown:
            raise InvalidInput(f"{type(self).__name__} takes no {', '.join(unknown)}.")
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise invalid(error) from None
        self._check()
        # Read now, so that a missing key is found here and not at the first request.
        self._settings()
        provider = sophnet_provider(**self._connection())
        self.api_key, self.base_url, self.project_id = Key.of(provider.api_key), provider.base_url, provider.project_id
        self.easyllm_id = provider.easyllm_ids.get(self.service or "") or provider.easyllm_id

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
        return super(SophNetComponent, copied).__getstate__()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Load without asking for the key: it is looked for at the first use, and may be given as ``api_key``."""
        super().__init__(**state["__dict__"])

    def _check(self) -> None:
        """Refuse settings that do not fit together."""

    def _settings(self) -> Settings:
        return sophnet_settings(**self._connection())

    def _here(self) -> asyncio.Semaphore:
        return self._places.here(self.max_concurrency)

    def _connection(self) -> SophNetArgs:
        return {
            "api_key": self.api_key,
            "base_url": self.base_url,
            "project_id": self.project_id,
            "easyllm_id": self.easyllm_id,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "http_client": self.http_client,
            "http_async_client": self.http_async_client,
            "default_headers": self.default_headers,
        }
