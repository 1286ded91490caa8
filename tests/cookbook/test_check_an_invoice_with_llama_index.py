"""The LlamaIndex recipe comes to the same answer as its LangChain twin, over the same tools."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cookbook.invoices import RECIPE, show_what_was_made


def test_a_llama_index_agent_finds_the_same(tmp_path: Path) -> None:
    screen = show_what_was_made(RECIPE.with_name("check_an_invoice_with_llama_index.py"), tmp_path)
    called = re.findall(r"^→ (\w+)\(", screen, re.MULTILINE)
    assert called == ["recognize_text", "calculator", "generate_image", "synthesize_speech"]
