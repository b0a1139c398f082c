# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adjuster as one file that Python runs, and that needs nothing else of netopt: a zip file of its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._adjuster import adjuster, law, notice, options, pings, shapers
from .._common.errors import NetoptError
from .._transport.bundle import zipped

if TYPE_CHECKING:
    from types import ModuleType

PACKAGE = "netopt_adjuster"
PARTS = {
    "adjuster": adjuster,
    "law": law,
    "notice": notice,
    "options": options,
    "pings": pings,
    "shapers": shapers,
}
MAIN = f"import sys\n\nfrom {PACKAGE}.adjuster import main\n\nsys.exit(main(sys.argv[1:]))\n"


def adjuster_archive() -> bytes:
    """Return the file.

    Raises:
        NetoptError: the sources cannot be read.
    """
    files = {"__main__.py": MAIN.encode(), f"{PACKAGE}/__init__.py": b""}
    files.update({f"{PACKAGE}/{name}.py": _source(module) for name, module in PARTS.items()})
    return zipped(files, deflate=False)


def _source(module: ModuleType) -> bytes:
    """Return the source of a module, from a folder or from the zip file that it was sent in."""
    loader: Any = getattr(module.__spec__, "loader", None)
    try:
        data: bytes = loader.get_data(str(module.__file__))
    except OSError as error:
        raise NetoptError(
            f"netopt's own sources cannot be read: {error}", stage="apply", key="adapt", hint="Nothing was changed."
        ) from None
    return data
