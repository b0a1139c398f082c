# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes when functions begin and end, in processes that know nothing of it; their modules are imported as ever.

``stages.py`` has Python load this at its start (``sitecustomize``), and has the transport take it along to the hosts.
"""

from __future__ import annotations

import sys
import time
from typing import Any


class Loader:
    """Loads a module as its own loader does, and then wraps some of its functions."""

    def __init__(self, loader: Any, after: Any) -> None:
        self._loader = loader
        self._after = after

    def __getattr__(self, name: str) -> Any:
        """Return what the loader itself has."""
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        """Leave it to the loader."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Run the module, then wrap."""
        self._loader.exec_module(module)
        self._after(module)


class Hooks:
    """A finder of modules that finds what the others find.

    Args:
        wanted: names of functions and methods, by module.
        note: called with a name and ``begin`` or ``end``.
        before: called with the module ahead of a function, by its name.
    """

    def __init__(self, wanted: Any, note: Any, before: Any = None) -> None:
        self._wanted = dict(wanted)
        self._note = note
        self._before = before or {}

    def come_first(self, *_module: Any) -> None:
        """Be asked ahead of finders that were added since."""
        sys.meta_path[:] = [self, *(one for one in sys.meta_path if one is not self)]  # type: ignore[list-item]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return what another finder has for a module of ours."""
        names = self._wanted.pop(name, None)
        others = sys.meta_path if names else ()
        found = (one.find_spec(name, path, target) for one in others if one is not self)  # type: ignore[attr-defined]
        spec = next((one for one in found if one is not None), None)
        if spec is not None:
            spec.loader = Loader(spec.loader, lambda module: [self._wrap(module, each) for each in names])  # type: ignore[arg-type]
        return spec

    def _wrap(self, module: Any, name: str) -> None:
        holder_name, _dot, own = name.rpartition(".")
        holder = getattr(module, holder_name) if holder_name else module
        function = getattr(holder, own)

        def noted(*words: Any, **named: Any) -> Any:
            self._before.get(own, len)((module,))
            self._note(name, "begin")
            try:
                return function(*words, **named)
            finally:
                self._note(name, "end")

        setattr(holder, own, noted)


def line(name: str, edge: str, about: object) -> str:
    """Return a note: when, of which process, what."""
    return f"{time.monotonic():.6f} {about} {name} {edge}\n"
