"""What is set up and what works: each cloud's variables, key and ids, the storage, and the extras.

No key is ever printed; what is found wrong is found, not mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from maaskit.answers import parse_json, refusal_in
from maaskit.client import Client
from maaskit.errors import APIError, AuthenticationFailed, ConfigurationError, MaasError, PermissionDenied
from maaskit.kodo import Storage
from maaskit.media import without_secrets
from maaskit.provider import Provider, Qiniu, SophNet, environment
from maaskit.qiniu.models import list_models
from maaskit.wire import Call, Request, Response

TIMEOUT_S = 15.0

_EXTRAS = {
    "langchain": ("langchain_core",),
    "llama-index": ("llama_index.core",),
    "kodo": ("qiniu",),
    "mcp": ("mcp",),
    "sandbox": ("aiohttp", "markitdown", "rapidocr", "PIL", "av", "espeakng_loader", "pocketsphinx"),
}
_STORAGE_VARIABLES = ("QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "QINIU_BUCKET", "QINIU_DOMAIN")
# Lists the account's own image tasks, and costs nothing (sophnet-api, Text to image, 查询任务列表).
_SOPHNET_CHECK = "/projects/easyllms/imagegenerator/task"


@dataclass(frozen=True, slots=True)
class Finding:
    """Be one line of the report.

    Args:
        subject: What was looked at.
        said: What was found.
        is_wrong: Whether it keeps something from working that was set up.
    """

    subject: str
    said: str
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Be what was found about one thing.

    Args:
        name: The thing.
        findings: The lines.
        is_configured: Whether it was set up at all.
    """

    name: str
    findings: tuple[Finding, ...]
    is_configured: bool


def examine(timeout_s: float = TIMEOUT_S) -> Iterator[Section]:
    """Look at everything; each configured cloud is asked one question that costs nothing.

    Args:
        timeout_s: Seconds to wait for a cloud's answer.

    Yields:
        The sections of the report, each when it is done.
    """
    yield _qiniu(timeout_s)
    yield _sophnet(timeout_s)
    yield _storage()
    yield Section("Extras", tuple(Finding(extra, _installed(modules)) for extra, modules in _EXTRAS.items()), False)  # noqa: FBT003


def is_well(sections: list[Section]) -> bool:
    """Judge a report.

    Args:
        sections: The report.

    Returns:
        Whether a cloud is set up, and nothing that is set up fails.
    """
    clouds = [section for section in sections if section.name in ("Qiniu", "SophNet")]
    wrong = [finding for section in sections for finding in section.findings if finding.is_wrong]
    return any(section.is_configured for section in clouds) and not wrong


def verdict(sections: list[Section]) -> str:
    """Say what to do about a report.

    Args:
        sections: The report.

    Returns:
        A sentence.
    """
    if is_well(sections):
        return "All is well."
    if any(finding.is_wrong for section in sections for finding in section.findings):
        return "Something that is set up does not work: see the lines with ✗."
    return (
        "No cloud is set up: set QINIU_API_KEY or SOPHNET_API_KEY, or try things without a key: "
        "python -m maaskit sandbox."
    )


def render(section: Section) -> str:
    """Write a section for people.

    Args:
        section: What was found.

    Returns:
        Lines, each with its end.
    """
    width = max(len(finding.subject) for finding in section.findings)
    lines = [f"  {'✗' if line.is_wrong else ' '} {line.subject:{width}}  {line.said}" for line in section.findings]
    return "\n".join([section.name, *lines]) + "\n"


def _qiniu(timeout_s: float) -> Section:
    found = [_variable("QINIU_API_KEY"), _base_url(Qiniu)]
    if environment("QINIU_API_KEY") is None:
        return Section("Qiniu", tuple(found), is_configured=False)
    call = list_models().map(lambda models: f"accepted ({len(models)} models)")
    return Section("Qiniu", (*found, _key(Qiniu, call, timeout_s)), is_configured=True)


def _sophnet(timeout_s: float) -> Section:
    found = [_variable(name) for name in ("SOPHNET_API_KEY", "SOPH_API_KEY")]
    found += [_base_url(SophNet), _variable("SOPHNET_PROJECT_ID"), _variable("SOPHNET_EASYLLM_ID")]
    if not any(map(environment, SophNet.key_variables)):
        return Section("SophNet", tuple(found), is_configured=False)
    found.append(_key(SophNet, Call(Request("GET", _SOPHNET_CHECK), _read_list), timeout_s))
    try:
        cloud = SophNet()
    except ConfigurationError:
        return Section("SophNet", tuple(found), is_configured=True)
    for service, own in cloud.easyllm_ids.items():
        variable = f"SOPHNET_{service.upper()}_EASYLLM_ID"
        source = variable if own else "SOPHNET_EASYLLM_ID" if cloud.easyllm_id else None
        found.append(Finding(service, f"has an id ({source})" if source else f"has no id: set {variable}"))
    return Section("SophNet", tuple(found), is_configured=True)


def _storage() -> Section:
    found = [_variable(name) for name in _STORAGE_VARIABLES]
    given = [name for name in _STORAGE_VARIABLES if environment(name)]
    if given:
        try:
            store = Storage()
        except ConfigurationError as error:
            found.append(Finding("storage", str(error), is_wrong=True))
        else:
            found.append(Finding("storage", f"local files go to {store.bucket} and are read at {store.domain}"))
    return Section("Storage (Kodo)", tuple(found), is_configured=bool(given))


def _variable(name: str) -> Finding:
    return Finding(name, "set" if environment(name) else "not set")


def _base_url(cloud: type[Provider]) -> Finding:
    told = environment(cloud.base_url_variable)
    # A user and a query, which the provider refuses, may hold a password.
    shown = without_secrets(told) if told else f"not set (default {cloud.default_base_url})"
    return Finding(cloud.base_url_variable, shown)


def _key(cloud: type[Provider], call: Call[str], timeout_s: float) -> Finding:
    try:
        with Client(cloud(), timeout=timeout_s, max_retries=1) as client:
            return Finding("key", client.send(call))
    except (AuthenticationFailed, PermissionDenied) as error:
        return Finding("key", f"refused: {error}", is_wrong=True)
    except ConfigurationError as error:
        return Finding("key", str(error), is_wrong=True)
    except MaasError as error:
        kind = "the service answers with an error" if isinstance(error, APIError) else "the service cannot be asked"
        return Finding("key", f"not checked, {kind}: {error}", is_wrong=True)


def _read_list(response: Response) -> str:
    answer = parse_json(response)
    refusal = refusal_in(answer, response) if isinstance(answer, dict) else None
    if refusal is not None:
        raise refusal
    return "accepted"


def _installed(modules: tuple[str, ...]) -> str:
    missing = [name for name in modules if not _is_there(name)]
    if len(missing) == len(modules):
        return "not installed"
    return f"not whole: {', '.join(missing)} missing" if missing else "installed"


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is missing
        return False
