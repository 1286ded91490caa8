"""What an LLM is told once beside key and connection: model, fields of each request; and how it is described.

Asking is its subclass's business (``asking``); what one cloud alone knows stands with its class (``llms``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from llama_index.core.base.llms.types import LLMMetadata, MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import Field, ValidationError

from maaskit.access import invalid, settings_of
from maaskit.llama_index.cloud import Cloud
from maaskit.llama_index.connected import Connected
from maaskit.llama_index.structured import StructuredMode
from maaskit.openai_chat.capacities import capacity_of
from maaskit.openai_chat.request import PARAMETER_NAMES, ChatParams, check_params
from maaskit.openai_chat.traits import ReplayPolicy
from maaskit.sophnet.profiles import UnsupportedParams

if TYPE_CHECKING:
    from maaskit.connections import Settings

_PARAMS = (
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
# What a single request may set otherwise. Neither the key nor headers are among them: core writes the arguments of a
# request into its events.
_PER_REQUEST = (
    "audio",
    "max_retries",
    "model",
    "reasoning_as_answer",
    "replay_reasoning",
    "search",
    "stream_usage",
    "think_tags",
    "timeout",
    "unsupported_params",
)
_NUM_OUTPUT = 4096  # what Qiniu's own samples send as max_tokens (qiniu-api, Python openai 库代码示例)


class LLMSettings(Connected, FunctionCallingLLM):
    """Hold what an LLM is told once."""

    model: str = Field(description="Name of the model, exactly as the cloud spells it.")
    temperature: float | None = Field(default=None, description="0 to 2.0; unset, the service chooses (1.0).")
    top_p: float | None = Field(default=None, description="0 to 1; unset, the service chooses (1.0).")
    max_tokens: int | None = Field(default=None, description="Longest answer in tokens.")
    stop: str | list[str] | None = Field(default=None, description="Up to 4 strings that end the answer.")
    seed: int | None = Field(default=None, description="For repeatable answers, where the model supports it.")
    n: int | None = Field(default=None, description="Answers to one question; all are in `raw`, the first is given.")
    presence_penalty: float | None = Field(default=None, description="-2.0 to 2.0.")
    frequency_penalty: float | None = Field(default=None, description="-2.0 to 2.0.")
    logprobs: bool | None = Field(default=None, description="Whether log probabilities are wanted.")
    top_logprobs: int | None = Field(default=None, description="0 to 20; only together with logprobs.")
    response_format: dict[str, Any] | None = Field(default=None, description="Form of the answer.")
    enable_thinking: bool | None = Field(default=None, description="Switch thinking, in the form the model wants.")
    stream_usage: bool = Field(default=True, description="Whether a stream is asked to count tokens.")
    replay_reasoning: ReplayPolicy = Field(default="auto", description="Which past reasoning is sent again.")
    think_tags: bool = Field(default=False, description="Take reasoning out of <think> tags in the text.")
    reasoning_as_answer: bool = Field(default=False, description="Give the reasoning where there is no other answer.")
    structured_mode: StructuredMode = Field(default="auto", description="How structured output is asked for.")
    context_window: int | None = Field(default=None, gt=0, description="Tokens; unset, what the vendor publishes.")
    num_output: int | None = Field(default=None, gt=0, description="Tokens kept free for an answer.")
    is_function_calling_model: bool = Field(default=True, description="Whether the model calls functions.")
    unsupported_params: UnsupportedParams = Field(default="warn", description="What happens to denied fields.")
    extra_body: dict[str, Any] | None = Field(default=None, description="Fields that no document lists.")
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further fields of each request.")

    cloud: ClassVar[Cloud]

    synonyms: ClassVar[Mapping[str, str]] = {"model_kwargs": "additional_kwargs", "model_name": "model"}
    way_out: ClassVar[str] = "; fields of the request that no document lists go into extra_body"

    def _complete(self) -> None:
        super()._complete()
        check_params(self._params({}), stream=False)

    @property
    def metadata(self) -> LLMMetadata:
        """Tell what core wants to know of the model.

        The window is the one that the vendor publishes, a cautious one for an unknown model; ``context_window`` and
        ``num_output`` override it. ``num_output`` is ``max_tokens`` if set, and never more than a quarter of the
        window, so that prompts fit in.
        """
        known = capacity_of(self.model)
        window = self.context_window or known.context_window
        output = self.num_output or self.max_tokens or min(known.max_output or _NUM_OUTPUT, window // 4)
        return LLMMetadata(
            context_window=window,
            num_output=output,
            is_chat_model=True,
            is_function_calling_model=self.is_function_calling_model,
            model_name=self.model,
            system_role=MessageRole.SYSTEM,
        )

    def to_payload(self) -> dict[str, Any]:
        """Describe the LLM for events: its metadata and its cloud, no key, no header."""
        return {**super().to_payload(), "provider": self.cloud.provider.name}

    def _settings(self) -> Settings:
        return settings_of(self.cloud.provider(api_key=self.api_key, base_url=self.base_url), **self._connection())

    def _voice(self) -> dict[str, Any] | None:
        """Give how answers are spoken, or ``None`` where they are not."""
        return None

    def _told(self, kwargs: Mapping[str, Any]) -> tuple[Self, dict[str, Any]]:
        """Take out of a request's arguments what are settings, and give the LLM that has them."""
        own = {
            name: value for name, value in kwargs.items() if name in _PER_REQUEST and name in type(self).model_fields
        }
        rest = {name: value for name, value in kwargs.items() if name not in own}
        if not own:
            return self, rest
        told = self.model_copy()
        try:
            for name, value in own.items():  # `model_copy` would take any value unseen
                type(self).__pydantic_validator__.validate_assignment(told, name, value)
        except ValidationError as error:
            raise invalid(error) from None
        return told, rest

    def _params(self, given: Mapping[str, Any]) -> ChatParams:
        """Merge the fields of a request: the LLM's own, ``additional_kwargs`` over them, those of the call on top."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in _PARAMS}
        extra: dict[str, Any] = dict(self.extra_body or {})
        for name, value in self.additional_kwargs.items():
            if name == "extra_body":
                extra.update(value or {})
            else:
                (fields if name in PARAMETER_NAMES else extra)[name] = value
        extra.update(given.get("extra_body") or {})
        fields.update(given)
        fields["extra_body"] = extra or None
        return cast("ChatParams", {name: value for name, value in fields.items() if value is not None})
