"""The code that a result depends on, found by following imports, so that a cache key cannot miss a file."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path


def code_sha256(modules: Iterable[str]) -> str:
    """Hash the source files that modules consist of and import, directly or not, within their own packages.

    Imports inside functions count, and so do the `__init__.py` of parent packages, which run on import; imports for
    type checkers do not. Other distributions are left out: add their versions to the key.

    Args:
        modules: Dotted names. Those of medshift bring in medshift's files, those of a plug-in also the plug-in's.
    """
    digest = hashlib.sha256()
    for name, path in sorted(source_files(modules).items()):
        digest.update(f"{name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def source_files(modules: Iterable[str]) -> dict[str, Path]:
    """Find the files of modules and of all that they import within their own packages: dotted name -> file."""
    roots = set(modules)
    packages = {"medshift", *(name.partition(".")[0] for name in roots)}
    found: dict[str, Path] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += [name.rpartition(".")[0]] if "." in name else []
        waiting += _imported(name, path.name == "__init__.py", path.read_bytes(), frozenset(packages))
    return found


def own_files(module: str, root: Path, *, beside: bool) -> dict[str, Path]:
    """Find the files of a module that is not installed, without importing it: dotted name -> file.

    Of a package these are all, since any of them may be imported in a way that cannot be read from the code.

    Args:
        module: Dotted name.
        root: Folder that it is imported from.
        beside: Whether modules beside it that are imported count, too.
    """
    top = module.partition(".")[0]
    waiting = [module]
    for path in sorted((root / top).rglob("*.py")) if (root / top).is_dir() else ():
        parts = path.relative_to(root).with_suffix("").parts
        waiting.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    looked_for: dict[str, Path | None] = {}
    while waiting:
        name = waiting.pop()
        if name in looked_for:
            continue
        file = looked_for[name] = file_below(root, name)
        if file is not None and beside:
            waiting += _absolute_imports(file.read_bytes())
    return {name: file for name, file in looked_for.items() if file is not None}


def file_below(root: Path, module: str) -> Path | None:
    """Return the file of a module below a folder; None if it is not there."""
    stem = root.joinpath(*module.split("."))
    paths = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((path for path in paths if path.is_file()), None)


def files_sha256(files: Mapping[str, Path]) -> str:
    """Hash source files by name; the hash of a single one is that of its bytes."""
    if len(files) == 1:
        return hashlib.sha256(next(iter(files.values())).read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def _absolute_imports(source: bytes) -> frozenset[str]:
    """Return the modules that source code names in imports without dots, and those that contain them."""
    try:
        return frozenset(_named(ast.parse(source)))
    except (SyntaxError, ValueError):
        return frozenset()


def _named(tree: ast.Module) -> Iterator[str]:
    for node in _import_nodes(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.level or not node.module:
            continue
        else:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: count + 1]) for count in range(len(parts)))


def modules_of(*objects: object) -> set[str]:
    """Name the modules in which functions, classes and instances are written; None stands for nothing."""
    found = set()
    for item in objects:
        while isinstance(item, partial):
            item = item.func
        if item is not None:
            found.add(getattr(item, "__module__", None) or type(item).__module__)
    return found


@cache
def _file(name: str) -> Path | None:
    try:
        found = find_spec(name)
    except (ImportError, ValueError):  # its parent is not a package, or it was made at run time
        return None
    return Path(found.origin) if found and found.origin and Path(found.origin).suffix == ".py" else None


@cache
def _imported(name: str, is_package: bool, source: bytes, packages: frozenset[str]) -> tuple[str, ...]:
    """List the modules that a module imports; for lazily loaded names of a package, where they are defined."""
    return tuple(_imports(name.split(".") if is_package else name.split(".")[:-1], source, packages))


def _imports(package: list[str], source: bytes, packages: frozenset[str]) -> Iterator[str]:
    """Yield the modules of some top packages that are imported; to look for others' files would import them."""
    for node in _import_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in packages:
                    yield alias.name
                    yield from _exported(alias.name)
            continue
        base = package[: len(package) + 1 - node.level] if node.level else []
        stem = ".".join([*base, *([node.module] if node.module else [])])
        if stem.partition(".")[0] in packages:
            for alias in node.names:
                yield from _where(stem, alias.name)


def _import_nodes(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports of a module, also those within functions: statements, which no expression holds."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += [each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.expr)]


def _where(stem: str, name: str) -> Iterator[str]:
    """Yield the modules that `from stem import name` needs: a submodule, or the module and where it has `name` from."""
    if _is_package(stem) and _file(f"{stem}.{name}"):
        yield f"{stem}.{name}"
        yield from _exported(f"{stem}.{name}")
        return
    yield stem
    yield from _exported(stem, "" if name == "*" else name)


def _exported(package: str, name: str = "") -> Iterator[str]:
    """Yield where a package has a lazily loaded name from, or all of them: its `__init__.pyi` lists them."""
    path = _file(package)
    stub = path.with_suffix(".pyi") if path is not None and path.name == "__init__.py" else None
    if stub is None or not stub.exists():
        return
    parts = package.split(".")
    for level, module, names in _stub_imports(stub.read_bytes()):
        if not name or name in names:
            base = parts[: len(parts) + 1 - level] if level else []
            yield ".".join([*base, *([module] if module else [])])


@cache
def _stub_imports(source: bytes) -> tuple[tuple[int, str | None, frozenset[str]], ...]:
    """List the imports of a stub: level, module, and names as the stub has them."""
    return tuple(
        (node.level, node.module, frozenset(alias.asname or alias.name for alias in node.names))
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom)
    )


def _is_package(name: str) -> bool:
    found = _file(name)
    return found is None or found.name == "__init__.py"
