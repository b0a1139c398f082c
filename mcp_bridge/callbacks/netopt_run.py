# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible callback of netopt's runs: writes down whom the run is about, and keeps other runs off those hosts.

It runs inside ``ansible-playbook``, before the first task. The locks belong to that process and to the workers
that it forks, so they last exactly as long as something may still touch a host, whatever becomes of netopt.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: netopt_run
type: notification
short_description: Keeps two runs of netopt from touching one host at once
description:
  - Takes a lock for each host of a run before its first task. Loaded by netopt itself.
"""

FOLDER = "NETOPT_RUN_FOLDER"  # the run's folder
LOCKS = "NETOPT_RUN_LOCKS"  # the folder of the locks; unset for runs that change nothing
RUN_ID = "NETOPT_RUN_ID"
HOSTS = "hosts.json"
EXCLUDED = "excluded.json"
BUSY = "busy.json"
REFUSED = "refused.json"


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """Takes the locks when a play starts."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "netopt_run"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, int] = {}
        self._known: set[str] = set()
        self.disabled = FOLDER not in os.environ
        if not self.disabled:
            atexit.register(gc.freeze)  # the end of Python would look through all that Ansible has made

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Lock every host of the play, those of later batches too, or end the run before it has touched one."""
        try:
            self._begin(play)
        except Exception as error:  # noqa: BLE001 - Ansible would warn of any and go on without the locks
            # not to standard output, whose end may not be read any more once this process has ended
            _write(Path(os.environ[FOLDER]) / REFUSED, f"The hosts of this run could not be locked: {error}")
            sys.exit(1)

    def _begin(self, play: Any) -> None:
        inventory = play.get_variable_manager()._inventory  # noqa: SLF001 - a callback is given no other way to it
        hosts = sorted(host.name for host in inventory.get_hosts(play.hosts, ignore_restrictions=True))
        if self._known.issuperset(hosts):
            return  # a later wave, or a play that is about nobody else
        self._known.update(hosts)
        folder = Path(os.environ[FOLDER])
        _write(folder / HOSTS, sorted(self._known))
        excluded = _excluded(inventory, play)
        if excluded:
            _write(folder / EXCLUDED, excluded)
        locks = os.environ.get(LOCKS)
        if locks is None:
            return
        busy = {}
        for host in hosts:
            holder = self._lock(Path(locks), host)
            if holder is not None:
                busy[host] = holder
        if busy:
            for descriptor in self._held.values():
                os.close(descriptor)
            _write(folder / BUSY, busy)
            sys.exit(1)

    def _lock(self, folder: Path, host: str) -> str | None:
        """Take one host's lock and return ``None``, or the id of the run that has it."""
        if host in self._held:
            return None
        name = hashlib.sha256(host.encode()).hexdigest()[:32]  # a host's name may be no file's name
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 4096, 0)
            os.close(descriptor)
            with contextlib.suppress(ValueError, KeyError):
                return str(json.loads(text)["run_id"])
            return "unknown"
        said = json.dumps({"run_id": os.environ.get(RUN_ID, "unknown"), "host": host}).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, said, 0)
        self._held[host] = descriptor
        return None


def _excluded(inventory: Any, play: Any) -> list[str]:
    """Return the hosts of a play that only a ``!`` in the host pattern keeps out of the run."""
    limit = inventory._subset or []  # noqa: SLF001 - what --limit says
    asked = [pattern for pattern in limit if not pattern.startswith("!")]
    if len(asked) == len(limit):
        return []
    within = {host.name for host in inventory._evaluate_patterns(asked)}  # noqa: SLF001 - as --limit is evaluated
    kept = {host.name for host in inventory.get_hosts(play.hosts, ignore_restrictions=True)}
    every = inventory.get_hosts(play.hosts, ignore_limits=True, ignore_restrictions=True)
    return sorted(host.name for host in every if host.name in within - kept)


def _write(path: Path, value: Any) -> None:
    """Write a file in one step."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)
