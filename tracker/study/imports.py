"""Which files a piece of code depends on: those that it imports and those that they import, read from their text.

Nothing is run. Imports inside functions count, those for type checkers (``if TYPE_CHECKING``) do not. The ``__init__``
of a package counts where a name is imported from it, not where it is only passed on the way to a module.
"""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]  # the folder of the package tracker

_INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib", "platstdlib")}


@dataclass(frozen=True)
class Import:
    """``from module import name``, with ``level`` dots before the module; name None: ``import module``."""

    module: str
    name: str | None = None
    level: int = 0


def library_files(modules: Iterable[str], library: Path = LIBRARY) -> dict[str, Path]:
    """The files of the library that ``modules`` reach, themselves included, by their path within it.

    modules  names such as "tracker.io.mot"
    library  folder of the package ``tracker``; a copy of it serves too
    """
    find = _Finder(library)
    start = [file for name in modules if (file := find.absolute(name)) is not None]
    return {_name(file, library.parent): file for file in _reached(start, find)}


def own_files(file: Path, module: str, library: Path = LIBRARY) -> dict[str, Path]:
    """The files that a class of one's own depends on: its file, what that imports of its own folder and the library's.

    file    where the class is defined
    module  the name of its module; that of a package's module, "pkg.mine", makes the package its own folder
    """
    file = file.resolve()
    place = file.parent if file.name == "__init__.py" else file.with_suffix("")
    names = module.split(".")
    named = place.parts[-len(names) :] == tuple(names)  # not where it was loaded by its path
    top = place.parents[len(names) - 1] if named else file.parent
    own = top / names[0] if named and len(names) > 1 else file.parent
    found = _reached([file], _Finder(library, top, None if own in _INSTALLED else own))
    return {_name(path, library.parent if library in path.parents else top): path for path in found}


def _name(file: Path, folder: Path) -> str:
    """Its path from the folder on: where that lies changes no result."""
    return file.relative_to(folder).as_posix()


@dataclass(frozen=True)
class _Finder:
    """Where a module's file is.

    library  folder of the package ``tracker``
    top      folder in which the absolute names of other modules start
    own      folder outside of which only the library counts; None: only the library counts
    """

    library: Path
    top: Path | None = None
    own: Path | None = None

    def absolute(self, name: str) -> Path | None:
        first, _, rest = name.partition(".")
        if first == self.library.name:
            return _file(self.library, rest)
        if self.top is None or self.own is None:
            return None
        found = _file(self.top, name)
        return found if found is not None and self.own in found.parents else None

    def files(self, at: Path, wanted: Import) -> Iterator[Path]:
        """The files that an import in the file ``at`` reads."""
        find = partial(_file, at.parents[wanted.level - 1]) if wanted.level else self.absolute
        module = find(".".join(part for part in (wanted.module, wanted.name) if part))
        package = find(wanted.module) if module is None and wanted.name is not None else None
        if module is not None:
            yield module
        if package is not None:
            yield package
            # What the package gives on first use, as tracker does, it imports for type checkers only.
            for other in _imports(package.read_bytes(), typing=True):
                if other.name == wanted.name:
                    yield from self.files(package, other)


def _reached(start: Iterable[Path], find: _Finder) -> list[Path]:
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        if file.suffix == ".py":
            for wanted in _imports(file.read_bytes()):
                waiting += find.files(file, wanted)
    return sorted(found)


def _file(folder: Path, name: str) -> Path | None:
    path = folder.joinpath(*name.split(".")) if name else folder
    for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


@lru_cache(maxsize=512)
def _imports(text: bytes, typing: bool = False) -> tuple[Import, ...]:
    """The imports of a file; ``typing``: those under ``if TYPE_CHECKING`` alone."""
    found: dict[Import, None] = {}
    whole: dict[str, str] = {}  # "np" -> "numpy", for modules imported as a whole
    nodes = list(_nodes(ast.parse(text), typing))
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found |= {Import(node.module or "", alias.name, node.level): None for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                found[Import(alias.name)] = None
                first = alias.name.partition(".")[0]
                whole[alias.asname or first] = alias.name if alias.asname else first
    for node in nodes:  # tracker.SORT, after `import tracker`
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in whole:
            found[Import(whole[node.value.id], node.attr)] = None
    return tuple(found)


def _nodes(node: ast.AST, typing: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _for_type_checkers(child.test):
            for part in child.body if typing else child.orelse:
                yield from ast.walk(part)
        else:
            if not typing:
                yield child
            yield from _nodes(child, typing)


def _for_type_checkers(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
