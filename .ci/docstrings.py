"""Check what ruff's D rules leave open: arguments are described, and each module says its two things.

Nothing is imported or executed here; the tree is read as text.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Decorators after which the docstring stands elsewhere (on the overridden or the first overloaded function), or the
# arguments are a framework's and not a caller's.
EXEMPT = {"override", "overload", "property", "cached_property", "setter", "middleware", "model_validator"}


def main(arguments: list[str]) -> int:
    """Print every fault below the given folders and tell whether there was one.

    Args:
        arguments: Folders or files to read; the import package when empty.

    Returns:
        0 when all is well, else 1.
    """
    roots = [Path(argument) for argument in arguments] or [Path("integrations/maaskit")]
    files = sorted(file for root in roots for file in ([root] if root.is_file() else root.rglob("*.py")))
    found = [f"{file}:{line}: {fault}" for file in files for line, fault in faults(file.read_text(encoding="utf-8"))]
    sys.stdout.write("\n".join([*found, f"docstrings: {len(files)} files, {len(found)} faults"]) + "\n")
    return 1 if found or not files else 0


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Yield the faults of one module.

    Args:
        source: The module's text.

    Yields:
        Line number and fault, in the order of the text.
    """
    tree = ast.parse(source)
    yield from module_faults(ast.get_docstring(tree) or "")
    for function in public_functions(tree):
        documented = ast.get_docstring(function) or ""
        if documented and arguments_of(function) and not re.search(r"^Args:$", documented, re.MULTILINE):
            yield function.lineno, f"{function.name} takes arguments and its docstring has no Args"


def module_faults(docstring: str) -> Iterator[tuple[int, str]]:
    """Yield what a module's docstring lacks of the two lines.

    Args:
        docstring: The module's cleaned docstring, empty when there is none.

    Yields:
        Line number 1 and the fault.
    """
    first, *others = [line for line in docstring.splitlines() if line.strip()] or [""]
    if not first:
        yield 1, "the module does not say what lives here"
    elif not others:
        yield 1, "the module does not say what must not live here"


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Yield the functions and the methods of public classes that a user may call.

    Args:
        tree: A parsed module.

    Yields:
        Public functions that are not exempt by a decorator.
    """
    for node in tree.body:
        if isinstance(node, Function):
            candidates = [node]
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            candidates = [item for item in node.body if isinstance(item, Function)]
        else:
            continue
        yield from (item for item in candidates if not item.name.startswith("_") and not EXEMPT & decorators(item))


def decorators(function: Function) -> set[str]:
    """Name a function's decorators without their modules and arguments.

    Args:
        function: A parsed function.

    Returns:
        Last name of each decorator.
    """
    called = (item.func if isinstance(item, ast.Call) else item for item in function.decorator_list)
    return {ast.unparse(item).rpartition(".")[2] for item in called}


def arguments_of(function: Function) -> list[str]:
    """List the arguments that a caller passes.

    Args:
        function: A parsed function.

    Returns:
        Names without `self` and `cls`.
    """
    given = function.args
    names = [item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    names += [item.arg for item in (given.vararg, given.kwarg) if item is not None]
    return [name for name in names if name not in {"self", "cls"}]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
