"""A tool: a name, a description and arguments for the model, and work that is written once and done in two ways.

Which tools there are stands in ``qiniu_tools`` and ``sophnet_tools``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from maaskit.errors import InvalidInput, MaasError
from maaskit.guard import Guard, allowed
from maaskit.media import Media
from maaskit.provider import Provider
from maaskit.retry import is_seconds
from maaskit.task import Task, TaskUpdate
from maaskit.toolbox.arguments import Arguments, checked
from maaskit.toolbox.budget import Budget
from maaskit.toolbox.fetching import Fetch, afetched, fetched
from maaskit.toolbox.measuring import measured
from maaskit.toolbox.places import MAX_FILE_BYTES, Place, Root, checked_folder, has_inner_host
from maaskit.toolbox.results import Kind, Result, media_result
from maaskit.toolbox.saving import checked_output, save
from maaskit.wire import Call, Chore, Flow

if TYPE_CHECKING:
    from maaskit.connections import Settings

T = TypeVar("T")

Step: TypeAlias = "Call[Any] | Flow[Any] | Task[Any] | Chore | Fetch"
Work: TypeAlias = Generator[Step, Any, T]
"""What a tool does, step by step: it yields what to do next, and is sent what came of it or thrown what went wrong. One
step at most asks the service: so many questions are counted."""


@dataclass(frozen=True, slots=True)
class ToolUpdate:
    """Be what a listener is told while a tool works long.

    Args:
        tool: The tool's name.
        task_id: The service's id of the work; ``resume(task_id)`` collects the result in any process.
        phase: Where it stands: ``waiting``, ``running``, ``succeeded``, ``failed`` or ``canceled``.
        word: The service's own word for that, empty right after the submission.
        elapsed_s: Seconds since the waiting began.
    """

    tool: str
    task_id: str
    phase: str
    word: str
    elapsed_s: float


OnUpdate: TypeAlias = Callable[[ToolUpdate], Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """Say what a tool may do on this machine; made by ``rules``.

    Args:
        place: What it may read and fetch.
        output: Where its results are saved, or ``None`` to hand them over.
        task_timeout: Seconds that it waits for long work, or ``None`` for the default.
    """

    place: Place = field(default_factory=Place)
    output: Path | None = None
    task_timeout: float | None = None

    def brought(self, source: str, argument: str, limit: int = MAX_FILE_BYTES, *, fetch: bool = False) -> Work[Media]:
        """Bring what a model named, as far as it may name it.

        Args:
            source: A path or URL.
            argument: The argument's name, for messages.
            limit: Largest allowed size in bytes of what is read or fetched.
            fetch: Whether a URL is fetched, because the service takes none; otherwise it is handed on as it is.

        Yields:
            The steps.

        Returns:
            The content of the file, or the URL.

        Raises:
            InvalidInput: It may not be read.
        """
        limit = min(limit, MAX_FILE_BYTES)
        if self.place.is_url(source, argument):
            if not fetch:
                return self.place.passed(source, argument)
            self.place.guard.check_literal(source.strip(), argument)  # names are looked up when it is fetched
            return (yield Fetch(source.strip(), argument, limit))  # type: ignore[no-any-return]
        return (yield Chore(lambda: self.place.opened(source, argument, limit)))  # type: ignore[no-any-return]

    def given(self, kind: Kind, stem: str, made: Media | str, extras: Mapping[str, Any] | None = None) -> Work[Result]:
        """Give back what a service made, saved where there is a folder for results.

        Args:
            kind: What it is.
            stem: What the name of the file begins with.
            made: The content, or the URL where it is.
            extras: What else is known, in plain JSON.

        Yields:
            The steps.

        Returns:
            The result; one that cannot be saved is given as if there were no folder, and says why.

        Raises:
            ConfigurationError: It can be neither saved nor handed over.
        """
        url = made if isinstance(made, str) else None
        media = made if isinstance(made, Media) else None
        known = dict(extras or {})
        path: Path | None = None
        if self.output is not None:
            try:
                media = media if media is not None else (yield Fetch(url or "", "the result", bare=False))
                path = yield Chore(_saving(media, self.output, stem))
            except MaasError as error:  # what was made, and perhaps paid for, is not lost with it
                known["not_saved"] = str(error)
        if media is not None:  # what it says of itself is truer than what was asked for
            known |= yield Chore(partial(measured, kind, media))
        return media_result(kind, media=media, url=url, path=path, extras=known)


def _saving(media: Media, folder: Path, stem: str) -> Callable[[], Path]:
    return lambda: save(media, folder, stem)


def rules(
    provider: Provider,
    *,
    root_dir: Root = None,
    output_dir: Root = None,
    allowed_hosts: Collection[str] | None = None,
    task_timeout: float | None = None,
) -> Rules:
    """Say what the tools of one provider may do on this machine.

    Args:
        provider: Whom they ask; what lies under its own origin may be fetched.
        root_dir: The folder whose files may be read, links resolved; by default none.
        output_dir: The folder for results, made when it is needed; by default a result that is a URL stays one, and
            bytes up to 8 MiB are handed over in memory.
        allowed_hosts: Hosts that may be fetched from although their addresses are private, as ``name``, ``name:port``
            or ``*.name``.
        task_timeout: Seconds that a tool waits for long work (images, videos, transcriptions); by default the work's
            own, 600.

    Returns:
        The rules.

    Raises:
        InvalidInput: A folder or host is none.
    """
    if task_timeout is not None and not (is_seconds(task_timeout) and task_timeout > 0):
        raise InvalidInput(f"task_timeout must be a number of seconds above 0, not {task_timeout!r}.")
    guard = Guard(frozenset({provider.origin}), allowed(allowed_hosts))
    place = Place(checked_folder(root_dir, "root_dir"), guard, checks_hosts=not has_inner_host(provider.base_url))
    return Rules(place, checked_output(output_dir), task_timeout)


@dataclass(frozen=True, slots=True)
class Means:
    """Be what a tool works with.

    Args:
        settings: Whom it asks, and how.
        rules: What it may do on this machine.
        budget: How often it may ask.
    """

    settings: Settings
    rules: Rules = field(default_factory=Rules)
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class Tool:
    """Be a tool that a model may call.

    Args:
        name: Its name for a model, such as ``sophnet_image``.
        method: Its name as a method, such as ``generate_image``.
        description: What it is for, for a model.
        arguments: What the model fills in.
        means: What it works with.
        work: What it does with checked arguments.
    """

    name: str
    method: str
    description: str
    arguments: type[Arguments]
    means: Means
    work: Callable[[Rules, Any], Work[Result]] = field(repr=False)

    def call(self, arguments: Mapping[str, Any], on_update: OnUpdate | None = None) -> Result:
        """Do the tool's work.

        Args:
            arguments: What the model filled in; it is checked here.
            on_update: Is called with a ToolUpdate while long work goes on.

        Returns:
            The result.

        Raises:
            InvalidInput: An argument is wrong, or names what may not be read; nothing was sent.
            LimitReached: ``max_calls`` is used up; nothing was sent.
            MaasError: What else went wrong, in words that a model can act on.
        """
        work = self.work(self.means.rules, checked(arguments, self.arguments, self.name))
        go_on: Callable[[], Step] = partial(work.send, None)
        with closing(work), self.means.settings.provider.discreet():
            while True:
                try:
                    step = go_on()
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                try:
                    go_on = partial(work.send, self._perform(step, on_update))
                except MaasError as error:
                    go_on = partial(work.throw, error)

    async def acall(self, arguments: Mapping[str, Any], on_update: OnUpdate | None = None) -> Result:
        """Do the tool's work without holding up the event loop; see ``call``.

        Args:
            arguments: What the model filled in.
            on_update: Is called, and awaited if that gives an awaitable, with a ToolUpdate while long work goes on.

        Returns:
            The result.

        Raises:
            MaasError: As ``call``.
        """
        work = self.work(self.means.rules, checked(arguments, self.arguments, self.name))
        go_on: Callable[[], Step] = partial(work.send, None)
        with closing(work), self.means.settings.provider.discreet():
            while True:
                try:
                    step = go_on()
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                try:
                    go_on = partial(work.send, await self._aperform(step, on_update))
                except MaasError as error:
                    go_on = partial(work.throw, error)

    def _perform(self, step: Step, on_update: OnUpdate | None) -> Any:
        if isinstance(step, Fetch):
            return fetched(step, self.means.rules.place.guard, self.means.settings)
        if isinstance(step, Chore):
            return step.work()
        self.means.budget.take(self.name)
        client = self.means.settings.client()
        if not isinstance(step, Task):
            return client.send(step)
        return client.wait(step, lambda update: self._tell(update, on_update), timeout=self.means.rules.task_timeout)

    async def _aperform(self, step: Step, on_update: OnUpdate | None) -> Any:
        if isinstance(step, Fetch):
            return await afetched(step, self.means.rules.place.guard, self.means.settings)
        if isinstance(step, Chore):
            return await asyncio.to_thread(step.work)
        self.means.budget.take(self.name)
        client = await self.means.settings.async_client()
        if not isinstance(step, Task):
            return await client.send(step)

        async def tell(update: TaskUpdate) -> None:
            said = self._tell(update, on_update)
            if inspect.isawaitable(said):
                await said

        return await client.wait(step, tell, timeout=self.means.rules.task_timeout)

    def _tell(self, update: TaskUpdate, on_update: OnUpdate | None) -> Any:
        if on_update is None:
            return None
        known = (update.task_id, update.phase.value, update.word, round(update.elapsed_s, 3))
        return on_update(ToolUpdate(self.name, *known))
