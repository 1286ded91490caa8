"""The id of a SophNet service: the caller's own goes first, the provider's stands in, and nothing else is one."""

from __future__ import annotations

from typing import Any

import pytest

from maaskit import InvalidInput
from maaskit.sophnet.service_ids import service_id
from maaskit.wire import Variable


def test_ones_own_goes_first_and_the_providers_stands_in() -> None:
    assert service_id(" abc ") == "abc"
    assert service_id(None) == service_id("") == Variable("easyllm_id")
    assert service_id(None, "text_to_voice") == Variable("easyllm_id", "text_to_voice")


@pytest.mark.parametrize("given", [7, True, b"x", " ", "..", "a\r\nb", "\ud800", ["x"], object()])
def test_what_is_no_id_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput, match="tts_easyllm_id must be the id of a service"):
        service_id(given, argument="tts_easyllm_id")
