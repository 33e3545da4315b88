"""The code that analyses a clip, for a folder that is flat and stands alone.

`inference` imports from its sister packages by their full names, which mean nothing where this package is not
installed. Here each such import is rewritten to import from the module in the same folder that defines the name.
"""

import ast
import inspect
from collections.abc import Mapping
from importlib import import_module, resources
from pathlib import Path

ENTRY_POINT = "analyzer"
_PACKAGE = __package__


def copy_analysis_code(folder: Path) -> None:
    """Copies `EmotionAnalyzer`'s module and what it needs beside the code of the model and the processor.

    Args:
        folder: A folder that has the modules of the model and the processor.

    Raises:
        FileExistsError: Another module of the same name is in the folder already.
    """
    waiting, copied = [f"{_PACKAGE}.inference.{ENTRY_POINT}"], set()
    while waiting:
        module = waiting.pop()
        copied.add(module)
        source = _source_file(module).read_text(encoding="utf-8")
        imports = {node: _defining_modules(node, module) for node in _own_imports(source)}
        _write_module(folder / f"{_last(module)}.py", _flattened(source, imports))
        needed = {defined_in for names in imports.values() for defined_in in names.values()}
        waiting += needed - copied - set(waiting)


def _source_file(module: str) -> Path:
    package, _, name = module.rpartition(".")
    return Path(str(resources.files(package) / f"{name}.py"))


def _own_imports(source: str) -> list[ast.ImportFrom]:
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.level or node.module.split(".")[0] == _PACKAGE)
    ]


def _defining_modules(node: ast.ImportFrom, importing: str) -> dict[str, str]:
    """Tells for each name that an import names which module of this package defines it."""
    base = importing.rsplit(".", node.level)[0] if node.level else None
    module = import_module(".".join(filter(None, (base, node.module))))
    is_package = hasattr(module, "__path__")
    return {
        alias.name: inspect.getmodule(getattr(module, alias.name)).__name__ if is_package else module.__name__
        for alias in node.names
    }


def _flattened(source: str, imports: Mapping[ast.ImportFrom, Mapping[str, str]]) -> str:
    lines = source.splitlines()
    absolute = [node for node in imports if not node.level]
    for node in sorted(absolute, key=lambda node: -node.lineno):
        by_module: dict[str, list[str]] = {}
        for alias in node.names:
            by_module.setdefault(_last(imports[node][alias.name]), []).append(ast.unparse(alias))
        lines[node.lineno - 1 : node.end_lineno] = [
            f"{' ' * node.col_offset}from .{module} import {', '.join(names)}" for module, names in by_module.items()
        ]
    return "\n".join(lines) + "\n"


def _write_module(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise FileExistsError(f"Two modules of this package are named {path.name}; a flat folder holds only one.")
    path.write_text(text, encoding="utf-8")


def _last(module: str) -> str:
    return module.rpartition(".")[2]


__all__ = ["ENTRY_POINT", "copy_analysis_code"]
