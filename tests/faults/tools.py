# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts something else in the place of a host's own ``tc``, ``nft``, ``ip`` or ``ethtool``.

A program of ours is mounted over the real one, in the host's own mount namespace. It counts its calls, behaves badly
at the one it is told, and is the real one otherwise.
"""

from __future__ import annotations

from tests.faults.hosts import Host

TOOLS = ("tc", "nft", "ip", "ethtool")
BEHAVIOUR = {
    "fails": "echo 'made to fail' >&2; exit 1",
    "fails quietly": "exit 3",
    "hangs": "exec sleep 300",
    "prints garbage": "head -c 3000 /dev/urandom; exit 0",
    "prints nothing": "exit 0",
    "dies": "kill -9 $$",
    "fails having done it": '"$real" "$@" >/dev/null; echo "made to fail" >&2; exit 1',
    "outlives its caller": 'kill -9 $PPID; sleep 0.3; exec "$real" "$@"',
    "hangs without its caller": "kill -9 $PPID; exec sleep 300",
    "is struck in the guard": 'grep -q -e --guard /proc/$PPID/cmdline && kill -9 $PPID; exec "$real" "$@"',
}
WRAPPER = """#!/bin/sh
folder=/run/faults name={name} real=/run/faults/{name}.real
number=$(($(cat $folder/$name.count) + 1))
echo $number >$folder/$name.count
from=0 to=0
[ ! -f $folder/$name.when ] || read -r from to <$folder/$name.when
if [ $number -ge $from ] && [ $number -le $to ]; then
  . $folder/$name.how
fi
exec "$real" "$@"
"""


def wrap(host: Host, name: str) -> None:
    """Put our program over one of the host's."""
    (host.root / "run/faults").mkdir(exist_ok=True)
    wrapper = host.root / f"run/faults/{name}.wrapper"
    wrapper.write_text(WRAPPER.format(name=name), encoding="utf-8")
    wrapper.chmod(0o755)
    host.shell(
        f"set -e; cd /run/faults; echo 0 >{name}.count; path=$(readlink -f /usr/sbin/{name})\n"
        f"touch {name}.real; mount --bind $path {name}.real; mount --bind {name}.wrapper $path",
        check=True,
    )


def calls(host: Host, name: str) -> int:
    """Return how often a program has been called."""
    return int((host.root / f"run/faults/{name}.count").read_text(encoding="ascii"))


def misbehave(host: Host, name: str, how: str, *, at: int, times: int = 1) -> None:
    """Have the program behave badly at its ``at``-th call from now, counted from 1, and at those that follow."""
    folder = host.root / "run/faults"
    first = calls(host, name) + at
    (folder / f"{name}.how").write_text(BEHAVIOUR[how] + "\n", encoding="utf-8")
    (folder / f"{name}.when").write_text(f"{first} {first + times - 1}\n", encoding="ascii")


def behave(host: Host, name: str) -> None:
    """Have the program be the real one again."""
    (host.root / f"run/faults/{name}.when").unlink(missing_ok=True)
