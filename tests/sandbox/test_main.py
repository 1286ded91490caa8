"""The sandbox's command line, told what cannot be."""

from __future__ import annotations

import pytest

from maaskit.__main__ import main as maaskit_main
from maaskit.sandbox import Sandbox
from maaskit.sandbox.__main__ import main


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--port", port])
    assert caught.value.code == 2
    assert "--port" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        maaskit_main(["sandbox", "--port", port])
    assert caught.value.code == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize("command", [main, lambda arguments: maaskit_main(["sandbox", *arguments])])
def test_a_taken_port_is_told_in_one_line(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    with Sandbox() as sandbox:
        port = sandbox.origin.rpartition(":")[2]
        assert command(["--port", port]) == 1  # type: ignore[operator]
    out, err = capsys.readouterr()
    assert out == ""
    assert port in err
    assert "--port" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("port", [65536, -1, "8000", None, True, 80.5])
def test_a_sandbox_takes_a_port_that_can_be(port: object) -> None:
    with pytest.raises(ValueError, match="port"):
        Sandbox(port=port)  # type: ignore[arg-type]


def test_two_stand_side_by_side() -> None:
    with Sandbox() as one, Sandbox() as other:
        assert one.origin != other.origin
        assert one.api_key != other.api_key
        one.variants.done = "absent"
        one.faults.add(status=503)
        assert other.variants.done == "cloud"
        assert other.faults.take("GET", "/v1/models").status is None
