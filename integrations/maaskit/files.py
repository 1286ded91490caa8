"""Files that a person names, read in their order, a few at once.

What a service makes of a file stands in ``reading``; no framework is known, and no knowledge of the wire lives here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from maaskit.errors import ConfigurationError, InvalidInput, MaasError
from maaskit.leaving import leaving
from maaskit.media import Media, MediaSource
from maaskit.progress import Progress
from maaskit.reading import Passage, Reading
from maaskit.wire import Chore, Flow, FlowSteps

if TYPE_CHECKING:
    from maaskit.connections import Settings


@dataclass(frozen=True, slots=True)
class Stored:
    """Be a file that is neither on this machine nor behind a URL, and is fetched when its turn has come.

    Args:
        source: Where it is, for metadata and for its id.
        fetch: Gives the content; it may block.
    """

    source: str
    fetch: Callable[[], Media] = field(repr=False)

    @property
    def label(self) -> str:
        """Name the file in messages: without a URL's query, which may hold a secret."""
        return self.source.partition("?")[0]


Source: TypeAlias = "MediaSource | Stored"


@dataclass(frozen=True, slots=True)
class Files:
    """Read files with a service.

    Args:
        reading: What the service makes of a file.
        settings: Whom to ask, and how.
        argument: The caller's name for the files, for error messages.
        name: What stands before the progress bar.
        max_concurrency: Files under way at once, 1 or more.
        show_progress: Whether to show a progress bar (needs tqdm).

    Raises:
        InvalidInput: ``max_concurrency`` is no such number.
    """

    reading: Reading[Any]
    settings: Settings
    argument: str
    name: str
    max_concurrency: int = 4
    show_progress: bool = False

    def __post_init__(self) -> None:
        """Refuse a number that is none."""
        number = self.max_concurrency
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InvalidInput(f"max_concurrency must be an int of 1 or more, not {number!r:.100}.")

    def read(self, sources: Sequence[Source]) -> Generator[Passage, None, None]:
        """Read the files, and give each one's passages as soon as its turn has come.

        All files on this machine are looked at before the first is sent, so that a missing or unfit one costs nothing.

        Args:
            sources: The files, one or more.

        Yields:
            The passages, in the order of the files; ``metadata["source"]`` says which file they are from.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        files = self.looked_at(sources)
        each = self.settings.client().each(map(self._flow, files), min(self.max_concurrency, len(files)))
        with Progress(len(files), self.name, show=self.show_progress) as progress, closing(each) as answers:
            for number, file in enumerate(files):
                try:
                    passages = next(answers)
                except MaasError as error:
                    raise named(error, self._label(file, number, len(files))) from error.__cause__
                progress.done()
                yield from passages

    async def aread(
        self, sources: Sequence[Source], places: AbstractAsyncContextManager[Any] | None = None
    ) -> AsyncGenerator[Passage, None]:
        """Read the files without holding up the event loop; see ``read``.

        Args:
            sources: The files, one or more.
            places: Entered around each file, such as a semaphore that several readings share.

        Yields:
            The passages, in the order of the files.

        Raises:
            MaasError: As for ``read``.
        """
        files = await asyncio.to_thread(self.looked_at, sources)
        client = await self.settings.async_client()
        each = client.each(map(self._flow, files), min(self.max_concurrency, len(files)), places)
        with Progress(len(files), self.name, show=self.show_progress) as progress:
            async with leaving(each) as answers:
                for number, file in enumerate(files):
                    try:
                        passages = await anext(answers)
                    except MaasError as error:
                        raise named(error, self._label(file, number, len(files))) from error.__cause__
                    progress.done()
                    for passage in passages:
                        yield passage

    def looked_at(self, sources: Sequence[Source]) -> list[Media | Stored]:
        """Look at everything that can be looked at without the network.

        Args:
            sources: The files.

        Returns:
            The files, ready to be sent.

        Raises:
            InvalidInput: One of them cannot be read; the message names it.
        """
        files: list[Media | Stored] = []
        for number, source in enumerate(sources):
            if isinstance(source, Stored):
                files.append(source)
                continue
            media = Media.of(source, argument=self._place(number, len(sources)))
            try:
                self.reading.check(media)
            except MaasError as error:
                raise named(error, self._label(media, number, len(sources))) from error.__cause__
            files.append(media)
        return files

    def _flow(self, file: Media | Stored) -> Flow[list[Passage]]:
        def steps() -> FlowSteps[list[Passage]]:
            media: Media = (yield Chore(lambda: self._fetched(file))).answer if isinstance(file, Stored) else file
            answer = yield from self.reading.flow(media).steps()
            source = file.source if isinstance(file, Stored) else None
            identity = media.identity(self.reading.purpose, source)
            return list(self.reading.passages(answer, identity, {"source": source or media.source}))

        return Flow(steps)

    def _fetched(self, file: Stored) -> Media:
        media = file.fetch()
        self.reading.check(media)
        return media

    def _label(self, file: Media | Stored, number: int, total: int) -> str:
        if isinstance(file, Stored):
            return file.label
        return self._place(number, total) if file.data is not None and file.name is None else file.label

    def _place(self, number: int, total: int) -> str:
        return f"{self.argument}[{number}]" if total > 1 else self.argument


def several(sources: Any, argument: str) -> tuple[Any, ...]:
    """Tell one source from several, and keep what can be read once only.

    Args:
        sources: A path, a URL, bytes, a binary file or Media, or several of them.
        argument: The caller's name for them, for error messages.

    Returns:
        The sources.

    Raises:
        InvalidInput: It is none of these, or there are none.
    """
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Media) or hasattr(sources, "read"):
        found = [sources]
    elif isinstance(sources, Iterable):
        found = list(sources)
    else:
        raise InvalidInput(f"{argument} must be a path, a URL, bytes, Media or a list of them.")
    if not found:
        raise InvalidInput(f"{argument} is an empty list: there is nothing to read.")
    return tuple(
        Media.of(one, argument=argument) if hasattr(one, "read") and not isinstance(one, Media) else one
        for one in found
    )


def named(error: MaasError, label: str) -> MaasError:
    """Say which file an error is about, unless it would be the same for every file.

    Args:
        error: The error.
        label: The file's name.

    Returns:
        The same error.
    """
    return error if isinstance(error, ConfigurationError) else error.about(label)
