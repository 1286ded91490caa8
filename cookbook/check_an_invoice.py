"""Let an agent read a scanned invoice, check its sums, draw a cover picture and speak what it found.

The agent's tools may read the scan's folder and write into another one, and nothing else on this machine. Name your own
scan on the command line. Without a key everything runs against the sandbox; with SophNet's key it runs on the cloud.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from rich.console import Console
from rich.panel import Panel

from maaskit import MaasError
from maaskit.langchain import ChatSophNet, SophNetToolkit

SCAN = Path(__file__).parent / "invoices" / "invoice.jpg"
MODEL = "Qwen3-235B-A22B-Instruct-2507"
TOOLS = ["sophnet_ocr", "sophnet_image", "sophnet_speech"]
INSTRUCTIONS = "You check invoices. Use your tools to read, to calculate, to draw and to speak; never guess a number."
COVER = "a red star on a white sheet of paper, flat illustration"
SUM = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[+-]\d+(?:\.\d+)?)*")

console = Console(highlight=False)


# --- where the work is done ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def cloud_or_sandbox() -> Iterator[str]:
    """Point the environment at a sandbox when there is no key, and say what was chosen."""
    if os.environ.get("SOPHNET_API_KEY") or os.environ.get("SOPH_API_KEY"):
        yield "SophNet's key was found: the cloud reads, draws and speaks."
        return
    from maaskit.sandbox import Sandbox  # noqa: PLC0415  only who has no key needs the extra

    with Sandbox() as sandbox:
        os.environ.update(sandbox.env())
        yield (
            "No SOPHNET_API_KEY: using the sandbox on this machine. What is read, drawn and spoken is real; the chat "
            "model is a small set of rules."
        )


# --- what the invoice says -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Invoice:
    """Be the numbers of an invoice, as they stand in the table that the OCR tool gave back."""

    amounts: list[Decimal]
    total: Decimal

    @property
    def expression(self) -> str:
        """Write the amounts as a sum."""
        return " + ".join(str(amount) for amount in self.amounts)

    def judged(self, added: Decimal) -> str:
        """Say whether the printed total is what was calculated."""
        wrong = added - self.total
        found = "That is right." if not wrong else f"That is wrong by {abs(wrong):,.2f}."
        return f"The invoice adds up to {added:,.2f} and says {self.total:,.2f}. {found}"


def numbers_of(text: str) -> Invoice:
    """Take the last column of the table: the lines and the tax are added up, the last row is the printed total.

    Reading columns is no work for a language model: it may skip a row, which no check of the sum would then reveal.
    """
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    rows = [(cells, cells[-1].replace(",", "")) for cells in table if re.fullmatch(r"[\d,]+\.\d\d", cells[-1])]
    amounts = [Decimal(value) for cells, value in rows if cells[0] or re.search("税|VAT|[Tt]ax", "".join(cells))]
    if not amounts or len(amounts) == len(rows):
        raise SystemExit("No table of amounts with a total below them was found on the scan.")
    return Invoice(amounts, Decimal(rows[-1][1]))


@tool
def calculator(expression: str) -> str:
    """Add and subtract amounts exactly, such as 1250.00 + 99.90 - 10.

    精确计算金额的加减。
    """
    packed = re.sub(r"[\s,]", "", expression)
    if not SUM.fullmatch(packed):
        return "This cannot be calculated: write numbers with + and - between them."
    return f"{expression} = {sum(map(Decimal, re.findall(r'[+-]?[0-9.]+', packed)))}"


# --- asking --------------------------------------------------------------------------------------------------------


def tell(agent: Any, said: str) -> list[ToolMessage]:
    """Say something to the agent, show each of its steps, and give what its tools brought."""
    console.print(Panel(said, title="task", title_align="left", border_style="cyan"))
    brought: list[ToolMessage] = []
    for update in agent.stream({"messages": [("user", said)]}, {"configurable": {"thread_id": "1"}}):
        for change in update.values():
            for message in (change or {}).get("messages", []):
                show(message)
                if isinstance(message, ToolMessage):
                    brought.append(message)
    return brought


def show(message: Any) -> None:
    """Show a step: what is called, what came of it, what is answered."""
    if isinstance(message, ToolMessage):
        console.print(f"← {message.text}", style="magenta", markup=False)
        return
    for call in message.tool_calls if isinstance(message, AIMessage) else ():
        given = ", ".join(f"{name}={value!r}" for name, value in call["args"].items())
        console.print(f"→ {call['name']}({given})", style="magenta", markup=False)
    if message.text:
        console.print(message.text, markup=False)


def text_of(brought: list[ToolMessage], name: str) -> str:
    """Give what a tool said."""
    found = [message.text for message in brought if message.name == name and message.status == "success"]
    if not found:
        raise SystemExit(f"The agent did not use {name}, or it failed: see above.")
    return found[-1]


def check(scan: Path, output: Path, model: str) -> str:
    """Let the agent do the work in three tasks of one conversation, and give the verdict."""
    tools = SophNetToolkit(root_dir=scan.parent, output_dir=output, include=TOOLS).get_tools()
    agent = create_agent(
        ChatSophNet(model=model), [*tools, calculator], system_prompt=INSTRUCTIONS, checkpointer=InMemorySaver()
    )
    invoice = numbers_of(text_of(tell(agent, f'Read the scan with sophnet_ocr: "{scan.name}"'), "sophnet_ocr"))
    calculated = text_of(tell(agent, f"Use the calculator for {invoice.expression}"), "calculator")
    verdict = invoice.judged(Decimal(calculated.rpartition("=")[2].strip()))
    brought = tell(agent, f'Use sophnet_image to draw "{COVER}" and sophnet_speech to say "{verdict}"')
    for name in ("sophnet_image", "sophnet_speech"):
        text_of(brought, name)
    return verdict


def main() -> int:
    """Run the recipe; every error of maaskit ends it with a message and a non-zero code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scan", type=Path, default=SCAN, help="the scanned invoice")
    parser.add_argument("--output", type=Path, default=Path("output"), help="where the picture and the sound go")
    parser.add_argument("--model", default=MODEL, help="the chat model's name")
    given = parser.parse_args()
    try:
        given.output.mkdir(parents=True, exist_ok=True)  # first, because nothing has been paid for yet
        with cloud_or_sandbox() as chosen:
            console.print(Panel(chosen, title="maaskit", title_align="left", border_style="green"))
            verdict = check(given.scan, given.output, given.model)
    except (MaasError, OSError) as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        return 1
    console.print(f"\n[bold]{verdict}[/]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
