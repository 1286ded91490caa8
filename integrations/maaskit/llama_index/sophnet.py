"""What SophNet is told beside key and connection by all but the LLM: its project and its service id.

What is asked stands in ``embeddings`` and ``readers``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from maaskit.access import settings_of
from maaskit.llama_index.connected import Connected
from maaskit.llama_index.key import Key
from maaskit.provider import SophNet

if TYPE_CHECKING:
    from maaskit.connections import Settings


class SophNetComponent(Connected):
    """Hold the way to SophNet."""

    project_id: str | None = Field(default=None, description="The project.")
    easyllm_id: str | None = Field(default=None, description="The service id.")

    service: ClassVar[str | None] = None

    def _complete(self) -> None:
        super()._complete()
        provider = self._provider()
        self.project_id = provider.project_id
        self.easyllm_id = provider.easyllm_ids.get(self.service or "") or provider.easyllm_id

    def _provider(self) -> SophNet:
        return SophNet(
            api_key=Key.of(self.api_key),
            base_url=self.base_url,
            project_id=self.project_id,
            easyllm_id=self.easyllm_id,
        )

    def _settings(self) -> Settings:
        return settings_of(self._provider(), **self._connection())
