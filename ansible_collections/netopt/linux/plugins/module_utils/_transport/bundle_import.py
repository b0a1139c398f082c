# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports the modules of a bundle: from its bytecode where that is this Python's, else from its sources.

Python's own import from a zip file looks each of them up, opens the file for it and unpacks it, which for two hundred
modules takes longer than a plan does. Here all of them are unpacked at once, and run as they are asked for.
"""

from __future__ import annotations

import marshal
import sys
import zipimport
from _frozen_importlib_external import MAGIC_NUMBER  # importlib.util has it too, and takes milliseconds to import
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

BYTECODE = (
    "bytecode"  # in the bundle: the magic number of a Python, and what it makes of each source, as marshal writes it
)
SOURCES = "sources.zip"  # in the bundle: all sources, by their path in the package
_Module = type(sys)
_Spec = type(__spec__)  # importing importlib.machinery for its name would take a millisecond


class BundleFinder:
    """Finds and loads the modules of one package.

    Args:
        archive: path of the bundle.
        package: the package's name.

    Attributes:
        archive: the bundle, as zipimport's own loader names it.
    """

    def __init__(self, archive: str, package: str) -> None:
        self.archive = archive
        self._package = package
        self._top = f"{archive}/{package}/"
        self._files = zipimport.zipimporter(archive)
        self._unpacked: Mapping[str, bytes] = {}
        self._code: Mapping[str, bytes] = self._bytecode()

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return how to load a module, ``None`` for one that is not in the bundle."""
        if name == self._package:
            stem = ""
        elif name.startswith(f"{self._package}."):
            stem = name[len(self._package) + 1 :].replace(".", "/")
        else:
            return None
        known = self._code or self._sources()
        if f"{stem}.py" in known:
            return self._spec(name, f"{stem}.py")
        file = f"{stem}/__init__.py".lstrip("/")
        return self._spec(name, file, folder=f"{self._top}{stem}".rstrip("/")) if file in known else None

    def _spec(self, name: str, file: str, *, folder: str | None = None) -> ModuleSpec:
        """Return how to load a module from a file, of a package where ``folder`` is given."""
        spec = _Spec(name, self, origin=self._top + file)  # type: ignore[arg-type]  # importlib.abc would be imported
        spec.has_location = True
        spec.cached = spec.origin  # else Python makes up where a .pyc would lie, for each module
        spec.loader_state = file
        if folder is not None:
            spec.submodule_search_locations = [folder]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the module to be made as ever."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module."""
        exec(self._code_of(module.__spec__.loader_state), module.__dict__)  # type: ignore[union-attr]  # noqa: S102

    def _code_of(self, file: str) -> CodeType:
        if self._code:
            code: CodeType = marshal.loads(self._code[file])  # noqa: S302 - our own bytecode
            return code
        return compile(self._sources()[file], self._top + file, "exec", dont_inherit=True)

    def get_data(self, path: str) -> bytes:
        """Return the source of a module by its ``__file__``, or what another file of the bundle holds.

        Raises:
            OSError: there is no such file.
        """
        if not path.startswith(self._top):
            return self._files.get_data(path)
        try:
            return self._sources()[path[len(self._top) :]]
        except KeyError:
            raise OSError(f"{path} is not in the bundle") from None

    def _bytecode(self) -> Mapping[str, bytes]:
        """Return the bytecode of each module, none where it is another Python's."""
        try:
            data = self._files.get_data(BYTECODE)
        except OSError:
            return {}
        if not data.startswith(MAGIC_NUMBER):
            return {}
        found: dict[str, bytes] = marshal.loads(memoryview(data)[len(MAGIC_NUMBER) :])  # noqa: S302 - our own
        return found

    def _sources(self) -> Mapping[str, bytes]:
        """Return the sources, unpacked when the first of them is asked for."""
        if not self._unpacked:
            import io  # noqa: PLC0415 - with the bytecode of this Python nobody asks for them
            import zipfile  # noqa: PLC0415

            with zipfile.ZipFile(io.BytesIO(self._files.get_data(SOURCES))) as files:
                self._unpacked = {name: files.read(name) for name in files.namelist()}
        return self._unpacked


def install(archive: str, package: str) -> None:
    """Have this process import the package's modules so, and of Python's own what is used alone."""
    sys.meta_path.insert(0, BundleFinder(archive, package))
    _put_off("inspect")  # which dataclasses wants for classes without a docstring


def _put_off(name: str) -> None:
    """Have a module of Python's own loaded when something of it is used for the first time.

    With importlib's LazyLoader an ``import`` alone counts as use (Python 3.11).
    """
    if name in sys.modules:
        return
    stand_in = _Module(name)

    def load(attribute: str) -> object:  # PEP 562
        sys.modules.pop(name, None)
        found = import_module(name)
        stand_in.__dict__.update(vars(found))
        return getattr(found, attribute)

    stand_in.__getattr__ = load  # type: ignore[method-assign]
    sys.modules[name] = stand_in
