"""A kind of tool: its names and its description, and what its service must have to be offered.

Tools themselves are made in ``qiniu_tools`` and ``sophnet_tools``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from maaskit.errors import ConfigurationError
from maaskit.provider import Provider
from maaskit.toolbox.arguments import Arguments
from maaskit.toolbox.results import Result
from maaskit.toolbox.tool import Means, Rules, Tool, Work


@dataclass(frozen=True, slots=True)
class ToolKind:
    """Be a kind of tool.

    Args:
        name: Its name for a model, such as ``sophnet_image``.
        method: Its name as a method, such as ``generate_image``.
        description: What it is for, for a model.
        make: Makes the tool; takes its Means, and the kind's own options.
        service: The SophNet service whose project and id it needs, or ``None``.
        timeout_s: Seconds to wait for an answer where the user sets none, or ``None`` for the client's default.
    """

    name: str
    method: str
    description: str
    make: Callable[..., Tool] = field(repr=False)
    service: str | None = None
    timeout_s: float | None = None

    def tool(
        self,
        means: Means,
        arguments: type[Arguments],
        work: Callable[[Rules, Any], Work[Result]],
    ) -> Tool:
        """Make a tool of this kind.

        Args:
            means: What it works with.
            arguments: What the model fills in.
            work: What it does.

        Returns:
            The tool.
        """
        return Tool(self.name, self.method, self.description, arguments, means, work)

    def missing(self, provider: Provider) -> str | None:
        """Say what must be configured before such a tool works.

        Args:
            provider: Whom it would ask.

        Returns:
            What is missing, with the variable's name, or ``None``.
        """
        if self.service is None:
            return None
        try:
            provider.variable("project_id", self.service)
            provider.variable("easyllm_id", self.service)
        except ConfigurationError as error:
            return str(error)
        return None
