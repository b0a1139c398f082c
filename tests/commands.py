# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands that tests run where they are, to make something or to look at it without the code under test."""

from __future__ import annotations

import subprocess


def sh(command: str) -> str:
    """Run a command of this test with bash and return what it printed; its failure is the test's."""
    done = subprocess.run(["bash", "-ec", command], capture_output=True, check=False, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
