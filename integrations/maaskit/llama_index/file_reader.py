"""What LlamaIndex's readers of files share: the ways to call them, and what becomes of a passage.

How files are read stands in ``maaskit.files``; no cloud is known here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document
from pydantic import Field
from typing_extensions import override

from maaskit.errors import InvalidInput
from maaskit.files import Files, Source, several
from maaskit.leaving import leaving
from maaskit.llama_index.connected import Connected
from maaskit.llama_index.places import Bounded
from maaskit.llama_index.stored_files import is_local, stored
from maaskit.reading import Passage, Reading

if TYPE_CHECKING:
    from maaskit.async_client import Mapped


class FileReader(Connected, Bounded, BasePydanticReader):
    """Read files in their order, a few at once, and say of each Document where it is from."""

    is_remote: bool = Field(default=True, description="The work is done by the cloud.")
    show_progress: bool = Field(default=False, description="Whether to show a progress bar (needs tqdm).")

    # What helps a program and would only blur a vector or a prompt.
    for_programs: ClassVar[tuple[str, ...]] = ()
    # Lists of pieces, which every chunk of a Document would carry along and few vector stores take.
    left_out: ClassVar[frozenset[str]] = frozenset()

    @override
    def lazy_load_data(
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> Iterator[Document]:
        """Read files, and give each one's Documents as soon as its turn has come.

        No more than ``max_concurrency`` files are read ahead. All files on this machine are looked at before the first
        is sent, so that a missing or unfit one costs nothing.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document; where a name of ours is in it, it wins.
            fs: A file system of fsspec that the paths belong to; by default this machine's.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Yields:
            The Documents, in the order of the files. ``metadata["source"]`` says which file they are from, and ``id_``
            is the same whenever the same source is read, so that what is stored anew replaces what was stored before.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        info = _checked_info(extra_info)
        with closing(self._files().read(self._sources(file_path, fs))) as passages:
            for passage in passages:
                yield self._document(passage, info)

    @override
    def load_data(
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> list[Document]:
        """Read files; see ``lazy_load_data``.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document.
            fs: A file system of fsspec that the paths belong to.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Returns:
            The Documents, in the order of the files.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        return list(self.lazy_load_data(file_path, extra_info, fs, **load_kwargs))

    @override
    def alazy_load_data(  # awaited as core's, or iterated over, which is lazy
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> Mapped[Document]:
        """Read files without holding up the event loop; see ``lazy_load_data``.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document.
            fs: A file system of fsspec that the paths belong to.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Returns:
            What ``async for`` takes one Document after the other from, and ``await`` the list of them all.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        # The drivers are loaded where they are used, so that importing a reader costs nothing.
        from maaskit.async_client import Mapped  # noqa: PLC0415

        return Mapped(self._adocuments(file_path, extra_info, fs))

    @override
    async def aload_data(
        self, file_path: Any, extra_info: Mapping[str, Any] | None = None, fs: Any = None, **load_kwargs: Any
    ) -> list[Document]:
        """Read files without holding up the event loop; see ``lazy_load_data``.

        Args:
            file_path: A path, an http or https URL, bytes, a binary file or Media, or several of them.
            extra_info: Metadata for every Document.
            fs: A file system of fsspec that the paths belong to.
            **load_kwargs: What other readers may be told; it has no meaning here.

        Returns:
            The Documents, in the order of the files.

        Raises:
            MaasError: What went wrong, with the file's name.
        """
        return await self.alazy_load_data(file_path, extra_info, fs, **load_kwargs)

    @abstractmethod
    def _reading(self) -> Reading[Any]:
        """Give what the service makes of a file."""

    def _complete(self) -> None:
        self._reading()  # refuses options that do not fit together
        super()._complete()

    async def _adocuments(
        self, file_path: Any, extra_info: Mapping[str, Any] | None, fs: Any
    ) -> AsyncGenerator[Document, None]:
        info = _checked_info(extra_info)
        sources = self._sources(file_path, fs)
        # SimpleDirectoryReader reads all its files at once, so the places are shared by all that this reader reads.
        async with leaving(self._files().aread(sources, self._here())) as passages:
            async for passage in passages:
                yield self._document(passage, info)

    def _files(self) -> Files:
        name = type(self).__name__
        return Files(
            self._reading(), self._settings(), "file_path", name, self.max_concurrency, show_progress=self.show_progress
        )

    def _sources(self, file_path: Any, fs: Any) -> tuple[Source, ...]:
        found = several(file_path, "file_path")
        if is_local(fs):
            return found
        limit = self._reading().max_bytes
        return tuple(stored(fs, path, limit) for path in found)

    def _document(self, passage: Passage, given: dict[str, Any]) -> Document:
        told = {name: _flat(value) for name, value in passage.metadata.items() if name not in self.left_out}
        # SimpleDirectoryReader tells the path as well: a prompt need not have it twice.
        twice = ["source"] if told.get("source") in given.values() else []
        return Document(
            id_=passage.id,
            text=passage.text,
            metadata=told | given,
            excluded_embed_metadata_keys=["source", *self.for_programs],
            excluded_llm_metadata_keys=[*twice, *self.for_programs],
        )


def _checked_info(extra_info: Any) -> dict[str, Any]:
    if extra_info is not None and not isinstance(extra_info, Mapping):
        raise InvalidInput(f"extra_info must be a mapping of metadata, not {type(extra_info).__name__}.")
    return dict(extra_info or {})


def _flat(value: Any) -> Any:
    """Give a list, such as a position, as text: vector stores filter by plain values."""
    return ",".join(map(str, value)) if isinstance(value, list) else value
