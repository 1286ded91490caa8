"""What LlamaIndex's readers share that may put local files where a service fetches them.

Which service that is is its subclasses' business; how a storage stores, ``maaskit.kodo``'s.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from typing_extensions import override

from maaskit.kodo import Storage
from maaskit.llama_index.file_reader import FileReader


class StoringReader(FileReader):
    """Read files with a service that takes some of them by URL only."""

    storage: Any = Field(default=None, exclude=True, repr=False, description="Where local files are put.")

    @override
    def __getstate__(self) -> dict[str, Any]:
        """Give what is pickled: as every component, and a storage only where it is not one that holds keys."""
        copied = self.__copy__()
        copied.storage = None if isinstance(self.storage, Storage) else self.storage
        return super(StoringReader, copied).__getstate__()
