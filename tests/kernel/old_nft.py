# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nft of an older release, Debian 11's 0.9.8, unpacked beside the machine's own and used in its place by a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mcp_bridge.errors import LabError
from mcp_bridge.lab import release_root

RELEASE = "bullseye"
NFT = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin") or "/usr/sbin/nft"


def old_nft() -> Path:
    """Return a program that is nft 0.9.8; the test is skipped, with the reason, where it cannot be had."""
    try:
        root = release_root.ensure(RELEASE)
    except LabError as error:
        pytest.skip(f"nft 0.9.8 cannot be had: {error}")
    library = root / "lib/x86_64-linux-gnu"
    loaders = sorted(library.glob("ld-2.*.so"))
    if not loaders:
        pytest.skip(f"{library} holds no loader that this machine can run")
    program = root.parent / "nft"
    program.write_text(
        f"#!/bin/sh\nexec {loaders[0]} --library-path {library}:{root}/usr/lib/x86_64-linux-gnu "
        f'{root}/usr/sbin/nft "$@"\n'
    )
    program.chmod(0o755)
    return program


def instead_of_ours(program: Path, argv: list[str]) -> list[str]:
    """Return the command that runs a program with another nft in the place of the machine's."""
    mount = f'mount --make-rprivate / && mount --bind {program} {NFT} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, "sh", *argv]
