"""What can be said to a service, as values: Request, Response, Call, Stream, Sleep and Flow.

Nothing here performs I/O, knows a provider or holds a secret; everything can be printed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

Resend: TypeAlias = Literal["always", "unaccepted"]
"""When a request may be sent again: ``always`` for what can be repeated, ``unaccepted`` for what starts paid or lasting
work and may be repeated only when the service cannot have accepted it."""


@dataclass(frozen=True, slots=True)
class Variable:
    """Stand for a value that only the provider knows, such as the id of a SophNet service.

    Args:
        name: ``easyllm_id`` or ``project_id``.
        service: The SophNet service whose own id goes first, e.g. ``embeddings``.
    """

    name: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class FilePart:
    """Be one file, or one typed field, of a multipart form.

    Args:
        name: The form field's name.
        filename: The name the service sees, or ``None`` for a typed field that is no file.
        content: Bytes, or the path of a file that is opened anew for each attempt and never read into memory whole.
        content_type: Media type of the part, or ``None`` to leave it to the HTTP library.
        json: A JSON value instead of ``content``; it may hold Variables.
    """

    name: str
    filename: str | None = None
    content: bytes | Path | None = field(default=None, repr=False)
    content_type: str | None = None
    json: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """Describe one HTTP request without performing it.

    Args:
        method: HTTP method.
        path: Path below the provider's base URL; ``{project_id}`` and ``{easyllm_id}`` are filled in by the provider.
            Or an absolute URL, which is taken as it is: the key goes along to the provider's own origin only.
        json: JSON body; a Variable in it is filled in by the provider when ``service`` is set.
        fields: Plain form fields; with ``files`` they make a multipart form.
        files: Parts of a multipart form.
        query: Query parameters.
        service: The SophNet service whose id and project the request needs, or ``None``.
        resend: When the request may be sent again.
        max_answer_bytes: Bound of the whole answer.
        bare: Whether the key stays away even from the provider's own origin.
        content_type: Media type that is named although there is no body, where a document wants it.
    """

    method: str
    path: str
    json: Any = field(default=None, repr=False)
    fields: Mapping[str, str | Variable] = field(default_factory=dict, repr=False)
    files: tuple[FilePart, ...] = ()
    query: Mapping[str, str | Variable] = field(default_factory=dict, repr=False)
    service: str | None = None
    resend: Resend = "always"
    max_answer_bytes: int = 64 * 1024 * 1024
    bare: bool = False
    content_type: str | None = None

    @property
    def is_absolute(self) -> bool:
        """Tell whether ``path`` is an absolute URL."""
        return self.path[:8].lower().startswith(("https://", "http://"))

    @property
    def endpoint(self) -> str:
        """Name the request in messages: its path, or its URL without user and query, which may hold a secret."""
        if not self.is_absolute:
            return self.path
        parts = urlsplit(self.path)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """Fetch a file from anywhere; ``Client.download`` performs it, and so does a Flow that yields it.

    Args:
        url: An http or https URL. The key goes along to the provider's own origin only.
        max_bytes: Largest allowed size.
        argument: The name of the caller's argument, for error messages.
        bare: Whether the key stays away even from the provider's own origin.
    """

    url: str = field(repr=False)
    max_bytes: int = MAX_DOWNLOAD_BYTES
    argument: str = "url"
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Chore:
    """Do something on this machine that may take its time, such as reading a file; an event loop is not held up by it.

    Args:
        work: What to do.
    """

    work: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """Hold one whole HTTP answer.

    Args:
        status: HTTP status.
        headers: Header fields, names in lower case.
        body: The decoded body.
        endpoint: The path that was asked, for error messages.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Say that a request brought no answer.

    Args:
        error: What to raise when nothing else helps.
        accepted: ``False`` when the service cannot have seen the request.
    """

    error: Exception
    accepted: bool | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Ask the driver to wait.

    Args:
        seconds: How long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tell a generator what became of its last step, with the clock that it cannot read itself.

    Args:
        answer: The response, an opened stream, a failure, or ``None`` after a Sleep.
        elapsed_s: Seconds since the driver started the generator.
        date: The present, in seconds since the epoch, for dated Retry-After fields.
    """

    answer: Any
    elapsed_s: float = 0.0
    date: float = 0.0


Steps: TypeAlias = Generator["Request | Sleep", Outcome, T]
"""A conversation as a generator: yields what to do next, is sent the outcome, returns the result."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Ask one question that has one answer; ``Client.send`` performs it.

    Args:
        request: The question.
        read: Turns a response with a 2xx status into the answer.
    """

    request: Request
    read: Callable[[Response], T] = field(repr=False)

    def map(self, function: Callable[[T], Any]) -> Call[Any]:
        """Give the same question with another reading of its answer.

        Args:
            function: Is given the answer; what it returns is the answer then.

        Returns:
            The Call.
        """
        read = self.read
        return replace(self, read=lambda response: function(read(response)))


class StreamReader(Protocol[T]):
    """Decode the bytes of one streamed answer; one reader serves one stream."""

    @property
    def complete(self) -> bool:
        """Tell whether everything that matters has come, so that a lost connection loses nothing."""

    @property
    def finished(self) -> bool:
        """Tell whether the service has said that nothing more comes."""

    def feed(self, data: bytes) -> list[T]:
        """Take the next bytes.

        Args:
            data: Bytes, cut anywhere.

        Returns:
            The items that they complete.
        """

    def end(self) -> list[T]:
        """Take the end of the stream and give the last items; raise StreamInterrupted if it came too early."""

    def partial(self) -> Any:
        """Give what has come so far, for the error of a stream that breaks off."""


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """Ask one question that has many answers; ``Client.stream`` performs it.

    Args:
        request: The question.
        reader: Makes the decoder; it is given the head of the answer (status and headers, no body).
    """

    request: Request
    reader: Callable[[Response], StreamReader[T]] = field(repr=False)


FlowSteps: TypeAlias = Generator[Any, Outcome, T]
"""The steps of a Flow: a Call, Chore, Download, Request or Sleep, or a ``maaskit.task.Waiting``."""


@dataclass(frozen=True, slots=True)
class Flow(Generic[T]):
    """Ask several questions that lead to one answer; ``Client.send`` performs it.

    Args:
        steps: Starts the conversation. Each Call that it yields is answered with its answer in an Outcome, each Chore
            with what its work gave, each Download with the Media that came, each Request with a 2xx Response, each
            ``maaskit.task.Waiting`` with its task's result, each Sleep with nothing. Retries are dealt with below it;
            an error that stays is raised at the ``yield``.
    """

    steps: Callable[[], FlowSteps[T]] = field(repr=False)

    @classmethod
    def later(cls, call: Callable[[], Call[T]]) -> Flow[T]:
        """Put off making a call until its turn has come, so that many calls do not hold their files at once.

        Args:
            call: Makes the call; it may read files.

        Returns:
            A Flow of the call's answer.
        """

        def steps() -> FlowSteps[T]:
            made = (yield Chore(call)).answer
            return (yield made).answer  # type: ignore[no-any-return]

        return cls(steps)
