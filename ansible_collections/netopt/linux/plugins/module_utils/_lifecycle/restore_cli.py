# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of restore.pyz, for an operator at the console and for the timers.

It needs Python and nothing else: no Ansible, no network, no second file.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .._common.errors import NetoptError

if TYPE_CHECKING:
    import argparse

    from .._checkpoint.store import Store
    from .._host.commands import Tools

DONE = 0
FAILED = 1
WAIT_S = 30.0  # for a change that goes on meanwhile, seconds


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 failed or refused, 2 usage."""
    arguments = sys.argv[1:] if argv is None else argv
    archive = os.path.abspath(sys.argv[0])
    if arguments == ["--guard"]:
        return _guard(archive)
    if arguments[:2] == ["--confirm", "--nonce"]:
        return _confirm(archive, arguments[2])
    options = _parse(arguments)
    try:
        return _run(options, archive)
    except NetoptError as error:
        sys.stderr.write(f"{error.message}\n" + (f"{error.hint}\n" if error.hint else ""))
        return FAILED


def _guard(archive: str) -> int:
    """Watch until nothing is left to be done."""
    from .._checkpoint.store import Store  # noqa: PLC0415
    from .guard import guard  # noqa: PLC0415

    guard(Store(_state_dir(archive)), _own_id(archive))
    return DONE


def _confirm(archive: str, nonce: str) -> int:
    """Keep the change and say in a frame what came of it, for a controller that counts the milliseconds."""
    from .._checkpoint.store import Store  # noqa: PLC0415
    from .._common.signals import interrupts_wait  # noqa: PLC0415
    from .._host.commands import Tools  # noqa: PLC0415
    from .._host.lock import host_lock  # noqa: PLC0415
    from .._transport.frame import frame  # noqa: PLC0415
    from .confirm import confirm  # noqa: PLC0415
    from .confirm_by_shell import answer  # noqa: PLC0415

    identity = _own_id(archive)
    error = None
    try:
        with host_lock(f"the confirmation of {identity}", wait_s=WAIT_S) as lock, interrupts_wait():
            confirm(Store(_state_dir(archive)), identity, Tools(keep_open=(lock,)))
    except NetoptError as refusal:
        error = refusal.as_dict()
    sys.stdout.write(frame(nonce, answer(identity, error)))
    return FAILED if error else DONE


def _state_dir(archive: str) -> str:
    """Return the folder that holds ``checkpoints/<id>/restore.pyz``."""
    return os.path.dirname(os.path.dirname(os.path.dirname(archive)))


def _own_id(archive: str) -> str:
    return os.path.basename(os.path.dirname(archive))


def _parse(arguments: list[str]) -> argparse.Namespace:
    import argparse  # noqa: PLC0415 - the guard does without

    parser = argparse.ArgumentParser(
        prog="restore.pyz",
        description="Show, restore, confirm, extend or accept what netopt changed on this host. "
        "Restoring a change undoes the ones made after it first.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="list the checkpoints of this host")
    what.add_argument("--diff", action="store_true", help="show what restoring would change, and change nothing")
    what.add_argument("--restore", action="store_true", help="restore the host to before the change")
    what.add_argument("--confirm", action="store_true", help="keep the change for good")
    what.add_argument("--extend", type=float, metavar="S", help="let the change wait S more seconds to be confirmed")
    what.add_argument("--accept", action="store_true", help="let what a rollback that failed has left stay as it is")
    parser.add_argument("--if-unconfirmed", action="store_true", help="with --restore: only if it is not confirmed")
    parser.add_argument("--keep-conflicts", action="store_true", help="leave alone what was changed by others since")
    parser.add_argument("--wait", type=float, default=60.0, metavar="S", help="seconds to wait for a running change")
    parser.add_argument("id", nargs="?", help="the checkpoint; the one this program lies in, unless given")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace, archive: str) -> int:
    from .._checkpoint.model import check_timeout  # noqa: PLC0415
    from .._checkpoint.store import Store  # noqa: PLC0415
    from .._host.commands import Tools  # noqa: PLC0415
    from .._host.lock import host_lock  # noqa: PLC0415
    from .accept import accept  # noqa: PLC0415
    from .confirm import confirm  # noqa: PLC0415
    from .extend import extend  # noqa: PLC0415

    store = Store(_state_dir(archive))
    identity = options.id or _own_id(archive)
    tools = Tools()
    if options.list:
        return _list(store)
    if options.diff:
        return _restore(store, identity, tools, options)
    with host_lock(f"restore.pyz {' '.join(sys.argv[1:])}", wait_s=options.wait) as descriptor:
        tools = Tools(keep_open=(descriptor,))
        if options.confirm:
            sys.stdout.write("confirmed\n" if confirm(store, identity, tools) else "confirmed before\n")
            return DONE
        if options.accept:
            sys.stdout.write("accepted\n" if accept(store, identity) else "accepted before\n")
            return DONE
        if options.extend is not None:
            extend(store, identity, check_timeout(options.extend, name="--extend"), tools)
            sys.stdout.write(f"to be confirmed within {options.extend:g} s\n")
            return DONE
        return _restore(store, identity, tools, options)


def _list(store: Store) -> int:
    import time  # noqa: PLC0415

    from .._checkpoint.model import APPLIED  # noqa: PLC0415

    for header in store.headers():
        left = header.confirm_by - time.monotonic() if header.status == APPLIED and header.confirm_by else None
        waits = "" if left is None else f"{max(0.0, left):.0f} s left to confirm"
        words = [header.id, header.created, header.status, header.label or "", waits, header.note or ""]
        sys.stdout.write("  ".join(word for word in words if word) + "\n")
    for identity in store.damaged():
        sys.stdout.write(f"{identity}  damaged\n")
    return DONE


def _restore(store: Store, identity: str, tools: Tools, options: argparse.Namespace) -> int:
    from .._checkpoint.model import CONFIRMED, ROLLED_BACK  # noqa: PLC0415
    from .._subsystems.restore import KEEP, RESTORE  # noqa: PLC0415
    from .rollback import roll_back  # noqa: PLC0415

    status = store.header(identity).status
    if status == ROLLED_BACK or (options.if_unconfirmed and status == CONFIRMED):
        sys.stdout.write(f"{identity}: {status.replace('_', ' ')}, nothing to do\n")
        return DONE
    on_conflict = KEEP if options.keep_conflicts else RESTORE
    failed = False
    for undone in roll_back(store, identity, tools, on_conflict=on_conflict, check=options.diff):
        sys.stdout.write(f"{undone.id}\n")
        for change in undone.restored.diff:
            sys.stdout.write(f"  {change.key}: {change.before} -> {change.after}\n")
        for change in undone.restored.conflicts:
            sys.stdout.write(f"  changed by others since: {change.key}\n")
        for error in undone.restored.failures:
            failed = True
            sys.stderr.write(f"  {error.message}\n" + (f"  {error.hint}\n" if error.hint else ""))
    for warning in tools.warnings:
        sys.stderr.write(f"  {warning}\n")
    return FAILED if failed else DONE
