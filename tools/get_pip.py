# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives a venv pip from the interpreter's own ensurepip; ansible-test runs it in place of a download."""

from __future__ import annotations

import ensurepip
import subprocess
import sys


def main() -> int:
    """Install the bundled pip, then with it the packages that were named; other arguments are pip's own options."""
    ensurepip.bootstrap(upgrade=True)
    packages = [argument for argument in sys.argv[1:] if not argument.startswith(("-", "pip=="))]
    if not packages:
        return 0
    return subprocess.call([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *packages])


if __name__ == "__main__":
    sys.exit(main())
