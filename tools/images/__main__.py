# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds both images from the machine's own package sources, tries them on lab hosts, and prints a table.

What is made is removed at the end, but for the base image, which is kept for the next time.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from mcp_bridge.errors import LabError
from tools.images import engine, environment, place, server, target
from tools.images.table import Ended, Table

SECTIONS = {"server": server.try_out, "environment": environment.try_out, "target": target.try_out}


def main() -> int:
    """Try everything, or the sections that were named; 0 when nothing failed."""
    if os.geteuid() != 0:
        print("make images needs root: it makes network namespaces, and containers in them.", file=sys.stderr)
        return 2
    wanted = sys.argv[1:] or [*SECTIONS]
    if not set(wanted) <= set(SECTIONS):
        print(f"No such section among {wanted}. There are: {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    table = Table()
    with tempfile.TemporaryDirectory(prefix="netopt-images-") as folder:
        scratch = Path(folder)
        settings = scratch / "containers.conf"
        settings.write_text(engine.settings(), encoding="utf-8")
        os.environ["CONTAINERS_CONF"] = str(settings)
        with suppress(Ended):
            with table.step("base: this machine's distribution, from its own package sources"):
                engine.install()
                base = engine.base()
            for name in wanted:
                try:
                    with suppress(Ended), place.fresh(scratch) as hosts:
                        SECTIONS[name](table, hosts, base)
                except LabError as error:
                    table.add(f"{name}: its lab hosts", 0, f"FAILED: {error}")
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
