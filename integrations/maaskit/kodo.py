"""Local files made fetchable: uploads to Qiniu's object storage (Kodo) with the official SDK, and the URLs they get.

The form upload with a token made elsewhere is ``maaskit.qiniu.storage``'s business; the model key is not known here.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import io
import mimetypes
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from maaskit.answers import error_from_status
from maaskit.credentials import environment, environment_secret
from maaskit.errors import ConfigurationError, ConnectionFailed, InvalidInput, MaasError
from maaskit.media import MIB, Media, MediaSource, checked_url
from maaskit.wire import Response

FORM_LIMIT_BYTES = 8 * MIB
"""wire-facts A.7: up to 8 MB by form, beyond it in parts that are resumed one by one."""
PART_BYTES = 4 * MIB
URL_LIFE_S = 3600
"""How long a signed URL lives: the SDK's own default."""

_PARTS_AT_ONCE = 3
_TOKEN_LIFE_S = 3600
# What the table of Python's standard library lacks or writes otherwise than the services' formats.
_SUFFIXES = {"audio/wav": ".wav", "audio/mpeg": ".mp3", "audio/ogg": ".ogg", "audio/amr": ".amr", "image/webp": ".webp"}

Stream: TypeAlias = "io.BytesIO | io.BufferedReader"


class Storage:
    """Store files and give their URLs.

    Args:
        access_key: Access key of the account; by default ``QINIU_ACCESS_KEY``. It is not the key of the models.
        secret_key: Secret key of the account; by default ``QINIU_SECRET_KEY``.
        bucket: Name of the bucket; by default ``QINIU_BUCKET``.
        domain: Where the bucket can be read, such as ``https://files.example.com``; by default ``QINIU_DOMAIN``. One
            without ``http://`` or ``https://`` is taken for https.
        expires_s: Seconds that a signed URL lives, default 3600; works for public and private buckets. ``None`` gives
            unsigned URLs, for public buckets only.
        prefix: What the names in the bucket begin with.
        delete_after_days: Days after which the storage deletes the files; by default never.
        upload_url: Upload host, by default ``QINIU_UPLOAD_URL``, else the SDK asks for the bucket's region.

    Raises:
        ConfigurationError: A setting is missing (the message names the variables), or the SDK is.
    """

    def __init__(
        self,
        *,
        access_key: str | SecretStr | None = None,
        secret_key: str | SecretStr | None = None,
        bucket: str | None = None,
        domain: str | None = None,
        expires_s: int | None = URL_LIFE_S,
        prefix: str = "maaskit/",
        delete_after_days: int | None = None,
        upload_url: str | None = None,
    ) -> None:
        given = {
            "QINIU_ACCESS_KEY": _wrapped(access_key),
            "QINIU_SECRET_KEY": _wrapped(secret_key),
            "QINIU_BUCKET": _wrapped(bucket),
            "QINIU_DOMAIN": _wrapped(domain),
        }
        found = {name: value or environment_secret(name) for name, value in given.items()}
        missing = [name for name, value in found.items() if value is None]
        if missing:
            raise ConfigurationError(
                f"Storage needs {', '.join(missing)}: set {'it' if len(missing) == 1 else 'them'}, or pass "
                f"{', '.join(name.removeprefix('QINIU_').lower() for name in missing)}."
            )
        for name, value in (("expires_s", expires_s), ("delete_after_days", delete_after_days)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InvalidInput(f"{name} must be a whole number of 1 or more, or None, not {value!r}.")
        if not isinstance(prefix, str):
            raise InvalidInput(f"prefix must be a text such as 'maaskit/', not {type(prefix).__name__}.")
        self._access_key, self._secret_key, where, place = filter(None, found.values())
        self.bucket = where.get_secret_value()
        self.domain = _checked_origin(place.get_secret_value(), "domain (QINIU_DOMAIN)")
        upload_url = upload_url or environment("QINIU_UPLOAD_URL")
        self.upload_url = _checked_origin(upload_url, "upload_url (QINIU_UPLOAD_URL)") if upload_url else None
        self.expires_s = expires_s
        self.prefix = prefix
        self.delete_after_days = delete_after_days
        _sdk("qiniu")

    @classmethod
    def from_env(cls) -> Storage:
        """Make the storage from the environment alone.

        Raises:
            ConfigurationError: A variable is not set (the message names it), or the SDK is missing.
        """
        return cls()

    @staticmethod
    def is_configured() -> bool:
        """Tell whether all four variables are set, so that local files can be given to services that want a URL."""
        names = ("QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "QINIU_BUCKET", "QINIU_DOMAIN")
        return all(environment(name) for name in names)

    def __repr__(self) -> str:
        """Show where files go, without the keys; a storage that was refused goes nowhere."""
        bucket, domain = getattr(self, "bucket", None), getattr(self, "domain", None)
        return f"{type(self).__name__}(bucket={bucket!r}, domain={domain!r})"

    def upload(self, media: MediaSource) -> str:
        """Store a file and give its URL; what is a URL already is given back.

        The name in the bucket follows from the content, so that the same file is stored once.

        Args:
            media: Bytes, a path or Media.

        Returns:
            An http or https URL that whoever has it can read, for ``expires_s`` seconds.

        Raises:
            InvalidInput: The file is missing or empty.
            APIError: The storage refused.
            ConnectionFailed: It could not be reached.
        """
        file = Media.of(media, argument="media")
        if file.url is not None:
            return file.url
        with ExitStack() as leaving:
            stream: Stream = io.BytesIO(file.data or b"")
            if file.path is not None:
                stream = leaving.enter_context(file.path.open("rb"))
            key = f"{self.prefix}{_digest(stream)}{_suffix(file)}"
            self._store(stream, key, file)
        return self.url(key)

    async def aupload(self, media: MediaSource) -> str:
        """Store a file in a thread and give its URL.

        Args:
            media: Bytes, a path or Media.

        Returns:
            An http or https URL, as ``upload`` gives it.

        Raises:
            MaasError: As ``upload``.
        """
        return await asyncio.to_thread(self.upload, media)

    def url(self, key: str) -> str:
        """Give the URL of a stored file.

        Args:
            key: Its name in the bucket.

        Returns:
            The URL, signed unless ``expires_s`` is ``None``.
        """
        plain = f"{self.domain}/{quote(key)}"
        if self.expires_s is None:
            return plain
        return str(self._auth().private_download_url(plain, expires=self.expires_s))

    def upload_token(self, key: str) -> str:
        """Make a token that lets its holder store one file for an hour.

        Args:
            key: The file's name in the bucket.

        Returns:
            The token, for ``maaskit.qiniu.storage.upload``.
        """
        policy = None if self.delete_after_days is None else {"deleteAfterDays": self.delete_after_days}
        return str(self._auth().upload_token(self.bucket, key, _TOKEN_LIFE_S, policy))

    def _auth(self) -> Any:
        return _sdk("qiniu").Auth(self._access_key.get_secret_value(), self._secret_key.get_secret_value())

    def _store(self, stream: Stream, key: str, file: Media) -> None:
        try:
            told, info = self._uploaded(stream, key, file)
        except MaasError:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK raises what its parts raise
            why = self._scrub(f"{type(error).__name__}: {error}")
            raise ConnectionFailed(f"Storing {file.source} failed ({why}).") from None
        self._check(told, info, file)

    def _uploaded(self, stream: Stream, key: str, file: Media) -> tuple[Any, Any]:
        """Let the SDK upload, in a frame of its own: a token lies open in it, which error reports would show."""
        size = file.size() or 0
        how = {
            "key": key,
            "data": stream,
            "data_size": size,
            "file_name": file.name or "file",
            "mime_type": file.mime_type() or "application/octet-stream",
            "up_token": self.upload_token(key),
        }
        # The SDK's shorthands upload over plain http, so its uploaders are used directly.
        uploaders = _sdk("qiniu.services.storage.uploaders")
        if size <= FORM_LIMIT_BYTES:
            return uploaders.FormUploader(self.bucket, **self._where()).upload(**how)  # type: ignore[no-any-return]
        workers = ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="maaskit-upload")
        try:
            uploader = uploaders.ResumeUploaderV2(
                self.bucket, part_size=PART_BYTES, concurrent_executor=workers, **self._where()
            )
            return uploader.upload(**how, part_size=PART_BYTES)  # type: ignore[no-any-return]
        finally:
            workers.shutdown(cancel_futures=True)  # who interrupts waits for the parts under way, and not for all

    def _where(self) -> dict[str, Any]:
        if self.upload_url is None:
            return {"preferred_scheme": "https"}
        http = _sdk("qiniu.http.region")
        endpoint = _sdk("qiniu.http.endpoint").Endpoint.from_host(self.upload_url)
        region = http.Region(services={http.ServiceName.UP: [endpoint]})
        return {"regions": [region], "preferred_scheme": urlsplit(self.upload_url).scheme}

    def _check(self, told: Any, info: Any, file: Media) -> None:
        if info is not None and info.ok() and isinstance(told, Mapping):
            return
        if info is None or info.status_code < 0:
            why = getattr(info, "error", None) or "no answer"
            raise ConnectionFailed(self._scrub(f"Storing {file.source} failed: {why}."))
        error = error_from_status(
            Response(
                info.status_code,
                {"x-reqid": info.req_id} if info.req_id else {},
                (info.text_body or "").encode(),
                self.upload_url or f"https://the upload host of {self.bucket}",
            )
        )
        raise error.about(f"Storing {file.source} in the bucket {self.bucket} failed")

    def _scrub(self, text: str) -> str:
        for secret in (self._secret_key, self._access_key):
            text = text.replace(secret.get_secret_value(), "***")
        return text


def publish(media: MediaSource, *, argument: str = "media") -> str:
    """Give the URL of a file for a service that takes nothing else: its own, or that of an upload.

    Args:
        media: Bytes, a path, Media or a URL, which is given back unfetched.
        argument: The argument's name, for error messages.

    Returns:
        A URL.

    Raises:
        InvalidInput: The file is missing or empty.
        ConfigurationError: It is a local one, and no storage is set up; the message names the variables.
        MaasError: What went wrong with the upload.
    """
    file = Media.of(media, argument=argument)
    if file.url is not None:
        return file.url
    try:
        storage = Storage.from_env()
    except ConfigurationError as error:
        raise error.about(
            f"{argument} is a local file and the service takes URLs only, so it must be uploaded"
        ) from None
    return storage.upload(file)


async def apublish(media: MediaSource, *, argument: str = "media") -> str:
    """Give the URL of a file for a service that takes nothing else; an upload happens in a thread.

    Args:
        media: As for ``publish``.
        argument: As for ``publish``.

    Returns:
        A URL.

    Raises:
        MaasError: As ``publish``.
    """
    return await asyncio.to_thread(publish, media, argument=argument)


def _wrapped(given: str | SecretStr | None) -> SecretStr | None:
    """Wrap a setting at once, or give ``None`` for an empty one: reports of errors show the variables of each frame."""
    value = given if isinstance(given, SecretStr) else SecretStr(str(given or ""))
    return value if value.get_secret_value() else None


def _checked_origin(url: str, what: str) -> str:
    whole = url.strip().rstrip("/")
    if "://" not in whole:
        whole = f"https://{whole}"
    try:
        parts = urlsplit(checked_url(whole))
    except InvalidInput:
        parts = None
    if parts is None or parts.query or parts.fragment or parts.username:
        raise ConfigurationError(f"{what} must be a host such as https://files.example.com.")
    return whole


def _digest(stream: Stream) -> str:
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    return digest[:32]


def _suffix(file: Media) -> str:
    """Give an ending that tells the type, because the services that fetch the file look at it; no name's odd one."""
    kind = file.mime_type() or ""
    own = file.suffix if re.fullmatch(r"\.[a-z0-9]{1,10}", file.suffix) else ""
    return own or _SUFFIXES.get(kind) or mimetypes.guess_extension(kind) or ""


def _sdk(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise ConfigurationError('Storage needs the official SDK: pip install "maaskit[kodo]".') from None
