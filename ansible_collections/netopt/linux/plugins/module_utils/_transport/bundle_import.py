# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports the modules of a bundle from their bytecode, each read once.

Python's own import from a zip file unpacks and decodes each module twice, which for a hundred modules takes longer than
a plan does. What has no bytecode for this Python is left to it.
"""

from __future__ import annotations

import marshal
import sys
import zipimport
from importlib import import_module
from importlib.util import MAGIC_NUMBER
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

HEADER_BYTES = 16  # PEP 552: magic number, flags, hash of the source
_Module = type(sys)
_Spec = type(__spec__)  # importing importlib.machinery for its name would take a millisecond


class BundleFinder:
    """Finds and loads modules of one package.

    Args:
        archive: path of the zip file.
        package: the package's name.

    Attributes:
        archive: the zip file, as zipimport's own loader names it.
    """

    def __init__(self, archive: str, package: str) -> None:
        self.archive = archive
        self._package = package
        self._files = zipimport.zipimporter(archive)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return how to load a module, ``None`` for one that is not in the bundle as bytecode of this Python."""
        if not name.startswith(f"{self._package}."):
            return None
        place = f"{self.archive}/{name.replace('.', '/')}"
        return self._spec(name, place) or self._spec(name, f"{place}/__init__", folder=place)

    def _spec(self, name: str, stem: str, *, folder: str | None = None) -> ModuleSpec | None:
        """Return how to load a module from ``stem`` with its ending, of a package where ``folder`` is given."""
        try:
            data = self.get_data(f"{stem}.pyc")
        except OSError:
            return None
        if not data.startswith(MAGIC_NUMBER):
            return None
        spec = _Spec(name, self, origin=f"{stem}.py")  # type: ignore[arg-type]  # importlib.abc would be imported
        spec.has_location = True
        spec.loader_state = data
        if folder is not None:
            spec.submodule_search_locations = [folder]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the module to be made as ever."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's bytecode."""
        spec = module.__spec__
        data, spec.loader_state = spec.loader_state, None  # type: ignore[union-attr]  # set by find_spec
        exec(marshal.loads(memoryview(data)[HEADER_BYTES:]), module.__dict__)  # noqa: S102, S302 - our own bytecode

    def get_data(self, path: str) -> bytes:
        """Return what a file of the bundle holds.

        Raises:
            OSError: there is no such file.
        """
        return self._files.get_data(path)


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
