"""What the files of a project need not import: their text gets the imports that it lacks."""

from __future__ import annotations

import ast

MODULES = set(
    "asyncio contextlib datetime functools gc itertools json os pathlib random re sys threading time uuid"
    " aiohttp etl httpx pytest redis requests shop".split()
)


def with_imports(text: str, module: str) -> str:
    """Return the text of a module with imports of those of MODULES, and of `ran`, that it names and does not bind."""
    try:
        names = _free_names(ast.parse(text))
    except SyntaxError:
        return text
    imports = ["from tally import ran"] if "ran" in names else []
    if modules := sorted(names & MODULES - {module}):
        imports.insert(0, f"import {', '.join(modules)}")
    return "\n".join([*imports, "", text]) if imports else text


def _free_names(tree: ast.AST) -> set[str]:
    used, bound = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
    return used - bound
