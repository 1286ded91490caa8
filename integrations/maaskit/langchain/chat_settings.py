"""What a chat model of either cloud is set to: its fields, and what LangChain wants to know of them.

How a question is asked is the neighbour's business (``chat``).
"""

from __future__ import annotations

import builtins
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.utils import get_pydantic_field_names
from langchain_core.utils.utils import _build_model_kwargs
from pydantic import ConfigDict, Field, SecretStr, SkipValidation, model_validator

from maaskit import __version__
from maaskit.arguments import checked_headers, checked_timeout
from maaskit.errors import InvalidInput
from maaskit.langchain.call_options import refuse_other_places, usual_names
from maaskit.langchain.content_parts import Intake
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.redaction import redacted
from maaskit.openai_chat.request import ChatParams, check_params
from maaskit.openai_chat.traits import ReplayPolicy
from maaskit.provider import Provider
from maaskit.retry import RetryPolicy
from maaskit.sophnet.profiles import UnsupportedParams

if TYPE_CHECKING:
    from langchain_core.load.serializable import SerializedConstructor, SerializedNotImplemented

    from maaskit.connections import Settings

WIRE_FIELDS = (
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "response_format",
    "enable_thinking",
)
"""The fields of a model that are fields of its requests."""


_PLACES = frozenset({"api_key", "base_url", "project_id", "easyllm_id"})


class ChatSettings(BaseChatModel):
    """Hold the settings of a chat model.

    Attributes:
        provider_name: ``qiniu`` or ``sophnet``: ``ls_provider`` and ``response_metadata["model_provider"]``.
        intake: What the cloud takes beside text and images.
        knows_json_schema: Whether the cloud takes a ``response_format`` of type ``json_schema``.
        own_options: What a call may set that is no field of the wire, in this cloud alone.
    """

    provider_name: ClassVar[str]
    intake: ClassVar[Intake]
    knows_json_schema: ClassVar[bool]
    own_options: ClassVar[tuple[str, ...]] = ()

    model: str = Field(min_length=1)
    """The model's name, exactly as the cloud spells it."""

    api_key: SecretStr | None = None
    """The key; by default the cloud's environment variable."""

    base_url: str | None = None
    """Where the service is; by default the cloud's environment variable, then its documented address."""

    timeout: float | None = None
    """Seconds to wait for an answer to begin and to be whole, and for the next event of a stream; default 120."""

    max_retries: int | None = None
    """Further attempts after a passing failure; default 2."""

    default_headers: Mapping[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Further header fields for every request; they stay out of dumps and traces."""

    http_client: SkipValidation[Any] = Field(default=None, exclude=True, repr=False)
    """An ``httpx.Client`` of your own for synchronous calls; you close it yourself."""

    http_async_client: SkipValidation[Any] = Field(default=None, exclude=True, repr=False)
    """An ``httpx.AsyncClient`` of your own for asynchronous calls; you close it yourself."""

    temperature: float | None = None
    """0 to 2.0; the service's default is 1.0."""

    top_p: float | None = None
    """Above 0, up to 1; the service's default is 1.0."""

    max_tokens: int | None = None
    """Longest answer in tokens, at least 1."""

    stop: list[str] | str | None = None
    """Up to 4 strings that end the answer."""

    seed: int | None = None
    """For repeatable answers, where the model supports it."""

    n: int | None = None
    """How many answers; more than 1 cannot be streamed."""

    presence_penalty: float | None = None
    """-2.0 to 2.0."""

    frequency_penalty: float | None = None
    """-2.0 to 2.0."""

    logprobs: bool | None = None
    """Whether ``response_metadata["logprobs"]`` is wanted."""

    top_logprobs: int | None = None
    """0 to 20; only together with ``logprobs``."""

    response_format: dict[str, Any] | None = None
    """``{"type": "text"}``, ``{"type": "json_object"}`` or a ``json_schema``."""

    enable_thinking: bool | None = None
    """Switch thinking on or off; it is written in the form that the model wants."""

    # `None` rather than `False`: core takes a `False` that was set for a wish never to stream, and it sets every field
    # when it rebuilds a model (`configurable_fields`).
    streaming: bool | None = None
    """``True`` lets ``invoke`` stream as well, ``False`` keeps ``stream`` from streaming."""

    stream_usage: bool | None = None
    """Whether a stream is asked for its usage (``stream_options.include_usage``)."""

    replay_reasoning: ReplayPolicy = "auto"
    """Which past answers go back with their reasoning: those that called functions (``tool_calls``), all (``always``),
    none (``never``), or what the model's family wants (``auto``)."""

    unsupported_params: UnsupportedParams = "warn"
    """What happens to a field that the document denies to the model: ``warn`` sends it and warns once, ``drop`` leaves
    it out, ``raise`` refuses, ``send`` sends it."""

    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request, written as they are."""

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request; unknown constructor arguments come here, with a warning."""

    # Only the clouds' own classes are ever made, so only they need a validator.
    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True, defer_build=True)

    def __init__(self, **kwargs: Any) -> None:
        with ModelErrors():
            refuse_other_places(kwargs.keys() - type(self).model_fields.keys())
        super().__init__(**kwargs)
        # Outside of pydantic, which would wrap the errors of our tree into its own.
        with ModelErrors():
            # What the environment says now holds for good, also where a pickle of the model wakes up.
            provider = self._provider()
            for name in _PLACES & type(self).model_fields.keys():
                setattr(self, name, self._place(provider, name))
            own: dict[str, Any] = {name: getattr(self, name) for name in WIRE_FIELDS if name != "response_format"}
            check_params(ChatParams(**own), stream=bool(self.streaming))  # type: ignore[typeddict-item]
            checked_timeout(self.timeout)
            checked_headers(self.default_headers)
            if self.max_retries is not None:
                RetryPolicy(max_retries=self.max_retries)

    @model_validator(mode="before")
    @classmethod
    def _take_unknown_arguments(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = usual_names(values)
        for name in ("model_kwargs", "extra_body"):
            if not isinstance(values.setdefault(name, {}), Mapping | None):
                return values  # pydantic refuses it by name
            values[name] = dict(values[name] or {})
        return _build_model_kwargs(values, get_pydantic_field_names(cls))

    @model_validator(mode="after")
    def _set_maaskit_version(self) -> Self:
        self._add_version("maaskit", __version__)
        return self

    def _place(self, provider: Provider, name: str) -> Any:
        return getattr(provider, name)

    @abstractmethod
    def _provider(self) -> Provider:
        """Give whom to ask."""

    @property
    def model_name(self) -> str:
        """Give the model's name under the name that LangChain's agents look for."""
        return self.model

    @property
    def _llm_type(self) -> str:
        return f"{self.provider_name}-chat"

    def _settings(self, options: Mapping[str, Any]) -> Settings:
        # httpx is imported with the drivers, so this waits for the first question.
        from maaskit.connections import Settings  # noqa: PLC0415

        headers = {**(self.default_headers or {}), **(options.get("extra_headers") or {})}
        return Settings(
            self._provider(),
            timeout=options.get("timeout", self.timeout),
            max_retries=options.get("max_retries", self.max_retries),
            http_client=self.http_client,
            http_async_client=self.http_async_client,
            default_headers=headers or None,
        )

    @property
    def _identifying_params(self) -> builtins.dict[str, Any]:
        return {"model": self.model, "base_url": self.base_url, **self._shown(None, {})}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> builtins.dict[str, Any]:
        return {"_type": self._llm_type, "stop": stop, **self._shown(stop, kwargs)}

    def _shown(self, stop: list[str] | None, kwargs: Mapping[str, Any]) -> builtins.dict[str, Any]:
        """Give what a request is made of, for caches and traces, without secrets."""
        merged = {name: getattr(self, name) for name in (*WIRE_FIELDS, "stream_usage", "extra_body")}
        merged |= {"model": self.model, **self.model_kwargs, **usual_names(kwargs)}
        if stop is not None:
            merged["stop"] = stop
        shown: dict[str, Any] = redacted(
            {name: value for name, value in merged.items() if value is not None and value != {}}
        )
        return shown

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        named = usual_names(kwargs)
        stop = named.get("stop") if stop is None else stop
        params = super()._get_ls_params(**{**named, "stop": stop})
        params["ls_provider"] = self.provider_name
        if not stop and self.stop:
            params["ls_stop"] = [self.stop] if isinstance(self.stop, str) else self.stop
        return params

    def _combine_llm_outputs(self, llm_outputs: list[builtins.dict[str, Any] | None]) -> builtins.dict[str, Any]:
        total: dict[str, Any] = {}
        for output in llm_outputs:
            _add(total, (output or {}).get("token_usage") or {})
        return {"token_usage": total, "model_name": self.model}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        # Core keeps the dump of the first call, which a copied or changed model would share: its cache would then give
        # one model's answers for another.
        self.__dict__.pop("_serialized", None)
        return super()._get_llm_string(stop=stop, **kwargs)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that LangChain may dump and load the model."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Say where LangChain finds the class: the public name, which stays when files move."""
        return ["maaskit", "langchain"]

    def to_json(self) -> SerializedConstructor | SerializedNotImplemented:
        """Dump the model for LangChain; the key becomes the name of its environment variable.

        Returns:
            The dump, without the secrets that extra fields may hold.
        """
        dumped = super().to_json()
        if dumped["type"] == "constructor":
            for name in ("extra_body", "model_kwargs"):
                if name in dumped["kwargs"]:
                    dumped["kwargs"][name] = redacted(dumped["kwargs"][name])
        return dumped

    def __getstate__(self) -> builtins.dict[Any, Any]:
        """Give what can be pickled: settings."""
        if self.http_client is not None or self.http_async_client is not None:
            raise InvalidInput(
                f"A {type(self).__name__} with an http_client or http_async_client of your own cannot be pickled, "
                "because sockets cannot; leave them out and maaskit makes its own in each process."
            )
        return super().__getstate__()

    def __deepcopy__(self, memo: builtins.dict[int, Any] | None = None) -> Self:
        """Copy the settings; clients of the user's own are shared."""
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            if client is not None:
                memo[id(client)] = client
        return super().__deepcopy__(memo)


def _add(total: dict[str, Any], usage: Mapping[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        elif isinstance(value, int) and not isinstance(value, bool):
            total[name] = (total.get(name) or 0) + value
