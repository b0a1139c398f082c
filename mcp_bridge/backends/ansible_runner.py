# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one playbook through ansible-runner, in a folder of its own, and ends all of it when told to."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from mcp_bridge import atomic_files
from mcp_bridge.backends import ansible_environment, process_tree
from mcp_bridge.backends.extra_vars import as_unsafe_yaml
from mcp_bridge.backends.job import Cancellation, EventHandler, Job, RunOutcome
from mcp_bridge.backends.spare_ansible import SPARE

TASK = "job.json"  # what a run's process is told; see runs/spawn.py
POLL_S = 0.1
LOG = logging.getLogger(__name__)


def run_playbook(
    job: Job,
    *,
    run_id: str,
    folder: Path,
    on_event: EventHandler,
    cancel: Cancellation | None = None,
) -> RunOutcome:
    """Run ``job`` and return how it ended; works from any thread and leaves signal handlers alone.

    Args:
        job: what to run.
        run_id: id of the run, unique on this machine.
        folder: an existing folder for this run alone, mode 0700.
        on_event: called with each of ansible-runner's events, in the calling thread.
        cancel: when set, every process of the run is ended: TERM, then KILL.
    """
    from ansible_runner import Runner, RunnerConfig  # noqa: PLC0415  # 0.1 s that `netopt validate` does not need

    _spawn_and_close_at_once()
    started = time.monotonic()
    cwd = Path.cwd()
    (folder / ansible_environment.TEMPORARY).mkdir(mode=0o700)
    if job.locks is not None:
        atomic_files.make_folder(job.locks)
    _write_private(folder / "env" / "extravars", as_unsafe_yaml(job.extravars))
    # ansible-runner takes settings from the file alone; its default timeout delays the end of a run by up to 5 s
    _write_private(folder / "env" / "settings", json.dumps({"pexpect_timeout": 1, "suppress_ansible_output": True}))
    guard = _HandlerGuard(on_event)
    watch = _Watch(run_id, cancel=cancel, timeout_s=job.timeout_s)
    try:
        config = RunnerConfig(
            private_data_dir=str(folder),
            playbook=job.playbook,
            inventory=job.inventory,
            limit=job.limit,
            forks=job.forks,
            cmdline=_flags(job),
            ident=run_id,
            quiet=True,
            rotate_artifacts=0,
            envvars={
                ansible_environment.ENDS: str(time.time() + job.timeout_s),
                **ansible_environment.build(
                    os.environ,
                    run_id=run_id,
                    cwd=cwd,
                    folder=folder,
                    locks=job.locks,
                    checked=_checked(job.extravars),
                ),
            },
        )
        config.prepare()
        config.cwd = str(cwd)  # where the user's ansible.cfg and relative paths are looked for
        for name in ansible_environment.withheld(config.env):
            del config.env[name]
        if "ANSIBLE_HOST_KEY_CHECKING" not in os.environ:
            del config.env[
                "ANSIBLE_HOST_KEY_CHECKING"
            ]  # ansible-runner turns the check off; that is the user's decision
        with watch:
            _status, rc = Runner(config, event_handler=guard).run()
    finally:
        remove_secrets(folder)
    return RunOutcome(
        run_id=run_id,
        status=watch.reason or ("successful" if rc == 0 else "failed"),
        rc=rc,
        duration_s=time.monotonic() - started,
        log=folder / "artifacts" / run_id / "stdout",
        handler_error=guard.error,
    )


def _spawn_and_close_at_once() -> None:
    """Have pexpect take the process that waits, and not sleep as it closes one that has ended.

    The sleep is 0.1 s, a tenth of an apply that changes nothing. ansible-runner has no setting for either; pexpect
    documents the attribute, and that the method may be another one.
    """
    import pexpect  # noqa: PLC0415 - with ansible-runner

    class Child(pexpect.spawn):  # type: ignore[misc]  # it has no types
        def _spawnpty(self, args: list[bytes], **options: Any) -> Any:
            argv = [os.fsdecode(word) for word in args]
            taken = SPARE.take(argv, environment=options["env"], cwd=options["cwd"])
            return taken or super()._spawnpty(args, **options)

        def close(self, force: bool = True) -> None:  # noqa: FBT001, FBT002 - pexpect's own
            if not self.isalive():
                self.ptyproc.delayafterclose = 0
            super().close(force)

    if pexpect.spawn.__name__ != Child.__name__:
        pexpect.spawn = Child


def _checked(extravars: Mapping[str, Any]) -> str | None:
    """Return the digests of the plans that were checked before the run."""
    if not extravars.get("netopt_validated"):
        return None
    if "netopt_given" in extravars:
        return ",".join(extravars["netopt_given"]["plans"])
    digest: str | None = extravars.get("netopt_digest")
    return digest


def _flags(job: Job) -> str | None:
    flags = [flag for flag, wanted in (("--check", job.check), ("--diff", job.diff)) if wanted]
    return " ".join(flags) or None


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def remove_secrets(folder: Path) -> None:
    """Remove what ansible-runner and Ansible leave: keys, variables, temporary files, and the whole environment."""
    for name in ("env", ansible_environment.TEMPORARY):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (TASK, ".hosts.json", ".excluded.json", ".busy.json", ".refused.json"):
        (folder / name).unlink(missing_ok=True)
    for artifacts in (folder / "artifacts").glob("*"):
        for name in ("fact_cache", "job_events"):
            shutil.rmtree(artifacts / name, ignore_errors=True)
        for name in ("command", "env.list", "ssh_key_data"):
            (artifacts / name).unlink(missing_ok=True)


class _HandlerGuard:
    """Keeps an exception of the event handler from ending ansible-runner's loop.

    ansible-runner would stop reading and leave the run as "running" for good.
    """

    def __init__(self, on_event: EventHandler) -> None:
        self._on_event = on_event
        self.error: str | None = None

    def __call__(self, event: dict[str, Any]) -> bool:
        try:
            self._on_event(event)
        except Exception as error:  # whatever it raises: the run on the hosts goes on
            LOG.exception("The event handler failed")
            self.error = self.error or f"{type(error).__name__}: {error}"
        return False  # ansible-runner need not write the event to disk


class _Watch:
    """Ends the run's processes when it is cancelled or takes too long; a context manager around the run."""

    def __init__(self, run_id: str, *, cancel: Cancellation | None, timeout_s: float) -> None:
        self._run_id = run_id
        self._cancel = cancel or threading.Event()
        self._timeout_s = timeout_s
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"netopt-watch-{run_id}", daemon=True)
        self.reason: Literal["cancelled", "timeout"] | None = None

    def __enter__(self) -> Self:
        self._deadline = time.monotonic() + self._timeout_s
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._finished.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._finished.wait(POLL_S):
            if self._cancel.is_set():
                self.reason = "cancelled"
            elif time.monotonic() > self._deadline:
                self.reason = "timeout"
            else:
                continue
            self._end()
            while not self._finished.wait(POLL_S):
                self._end()
            self._end()  # a process may have been started between the look and the signal
            return

    def _end(self) -> None:
        process_tree.end(ansible_environment.marker(self._run_id), own=SPARE.taken(self._run_id))
