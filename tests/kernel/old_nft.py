# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nft of an older release, Debian 11's 0.9.8, unpacked beside the machine's own and used in its place by a test."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

RELEASE = "bullseye"
MIRROR = "http://deb.debian.org/debian"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
BUILD_TIMEOUT_S = 300
NFT = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin") or "/usr/sbin/nft"


def old_nft() -> Path:
    """Return a program that is nft 0.9.8; the test is skipped, with the reason, where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netopt-roots"
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / RELEASE
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _unpack(root)
    library = root / "lib/x86_64-linux-gnu"
    loaders = sorted(library.glob("ld-2.*.so"))
    if not loaders:
        pytest.skip(f"{library} holds no loader that this machine can run")
    program = root / "nft"
    program.write_text(
        f"#!/bin/sh\nexec {loaders[0]} --library-path {library}:{root}/usr/lib/x86_64-linux-gnu "
        f'{root}/usr/sbin/nft "$@"\n'
    )
    program.chmod(0o755)
    return program


def _unpack(root: Path) -> None:
    """Unpack the release's nftables and what it needs, 30 MB."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed, so there is no older nft")
    made = root.with_name(f"{root.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    done = subprocess.run(
        [
            *("mmdebstrap", "--variant=extract", "--mode=root", "--include=nftables"),
            *('--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Check-Valid-Until "false"'),
            *(RELEASE, str(made), f"deb [signed-by={KEYS}] {MIRROR} {RELEASE} main"),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=BUILD_TIMEOUT_S,
    )
    if done.returncode != 0:
        shutil.rmtree(made, ignore_errors=True)
        pytest.skip(f"the packages of {RELEASE} cannot be had: {done.stderr.strip().splitlines()[-1]}")
    made.rename(root)


def instead_of_ours(program: Path, argv: list[str]) -> list[str]:
    """Return the command that runs a program with another nft in the place of the machine's."""
    mount = f'mount --make-rprivate / && mount --bind {program} {NFT} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, "sh", *argv]
