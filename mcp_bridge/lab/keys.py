# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ssh keys of the lab: one for the controller, one per host, all made before the first connection."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mcp_bridge.errors import LabError

from .requirements import tool


def make_key(path: Path, *, comment: str) -> str:
    """Make an ed25519 key pair without a passphrase.

    Args:
        path: the private key; the public one gets the suffix ``.pub``.
        comment: what the key says about itself.

    Returns:
        the public key as ``TYPE BASE64``.

    Raises:
        LabError: ssh-keygen failed.
    """
    path.unlink(missing_ok=True)
    argv = [tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"ssh-keygen failed for {path}: {done.stderr.strip() or done.stdout.strip()}")
    return public_key(path)


def public_key(path: Path) -> str:
    """Return the public half of a key pair as ``TYPE BASE64``."""
    return " ".join(path.with_name(path.name + ".pub").read_text(encoding="utf-8").split()[:2])
