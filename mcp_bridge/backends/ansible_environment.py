# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment in which a run's ``ansible-playbook`` starts, and what is known of it before there is a run."""

from __future__ import annotations

import configparser
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mcp_bridge import COLLECTIONS_ROOT

MARKER = "NETOPT_RUN_ID"
FOLDER = "NETOPT_RUN_FOLDER"
LOCKS = "NETOPT_RUN_LOCKS"
ENDS = "NETOPT_RUN_ENDS"  # when the run is ended, for the collection's _transport.py
CHECKED = "NETOPT_CHECKED"  # digests of the plans that were checked here; the collection's _policy.py believes it
CALLBACKS = Path(__file__).resolve().parent.parent / "callbacks"
TEMPORARY = "tmp"  # in the run's folder: whatever a killed Ansible leaves goes with the run
# Of netopt's own variables, those that Ansible gets to see: tokens and keys are among the others.
SHOWN = frozenset({MARKER, FOLDER, LOCKS, ENDS, CHECKED, "NETOPT_POLICY_DIR"})
# Of what Ansible reads, what each run has of its own; it is read when it is needed, or can be read again.
OF_ONE_RUN = frozenset({"ANSIBLE_CACHE_PLUGIN_CONNECTION", "ANSIBLE_LOCAL_TEMP", "AWX_ISOLATED_DATA_DIR", "TMPDIR"})
ROOM = 64  # for a run's id
DEFAULT_COLLECTIONS = ("~/.ansible/collections", "/usr/share/ansible/collections")
# What the user's environment says wins over these.
DEFAULTS = {
    "ANSIBLE_PIPELINING": "True",
    "ANSIBLE_GATHERING": "explicit",
}
# These belong to netopt: its reading of the run's events depends on them.
FIXED = {
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_FORCE_COLOR": "0",
    "MAX_EVENT_RES": str(50 * 1024 * 1024),  # ansible-runner drops larger results: a report must not be lost
}


def beforehand(base: Mapping[str, str], *, cwd: Path) -> dict[str, str]:
    """Return the environment of the runs that this process may come to, but for what ``is_of_one_run``.

    What ansible-runner adds is as of 2.4; where it adds something else, a process that waits is of no use to it.
    """
    environment = {**base, **build(base, run_id="-" * ROOM, cwd=cwd)}
    for name in withheld(environment):
        del environment[name]
    callbacks = [_callbacks(base)]
    runner = importlib.util.find_spec("ansible_runner")
    if runner is not None and runner.origin is not None:
        own = str(Path(runner.origin).parent / "display_callback" / "callback")
        callbacks.append(base.get("AWX_LIB_DIRECTORY") or own)
    environment["ANSIBLE_CALLBACK_PLUGINS"] = os.pathsep.join(callbacks)
    if base.get("ANSIBLE_STDOUT_CALLBACK"):
        environment["ORIGINAL_STDOUT_CALLBACK"] = base["ANSIBLE_STDOUT_CALLBACK"]
    added = {
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
    }
    return {**environment, **added}


def is_of_one_run(name: str) -> bool:
    """Tell whether a variable is different from run to run, and may change once Ansible is imported."""
    return name.startswith(("NETOPT_", "RUNNER_")) or name in OF_ONE_RUN


def build(
    base: Mapping[str, str],
    *,
    run_id: str,
    cwd: Path,
    folder: Path | None = None,
    locks: Path | None = None,
    checked: str | None = None,
) -> dict[str, str]:
    """Return the variables to set on top of ``base``.

    Args:
        base: this process's environment.
        run_id: the run.
        cwd: where Ansible is started.
        folder: the run's folder, ``None`` where Ansible is only asked for the inventory.
        locks: the folder of the hosts' locks, ``None`` for a run that changes nothing.
        checked: the digests of the run's plans, once these have been checked, with commas between them.
    """
    added = {name: value for name, value in DEFAULTS.items() if name not in base}
    added.update(FIXED)
    added[MARKER] = run_id
    added["ANSIBLE_COLLECTIONS_PATH"] = os.pathsep.join([str(COLLECTIONS_ROOT), *_collection_paths(base, cwd)])
    if folder is not None:
        added[FOLDER] = str(folder)
        added["ANSIBLE_LOCAL_TEMP"] = added["TMPDIR"] = str(folder / TEMPORARY)
        added["ANSIBLE_CALLBACK_PLUGINS"] = _callbacks(base)
    if locks is not None:
        added[LOCKS] = str(locks)
    if checked is not None:
        added[CHECKED] = checked
    added["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", os.defpath)])
    return added


def _callbacks(base: Mapping[str, str]) -> str:
    """Return where the user's callback plugins are, and netopt's."""
    return os.pathsep.join(filter(None, (base.get("ANSIBLE_CALLBACK_PLUGINS"), str(CALLBACKS))))


def withheld(environment: Mapping[str, str]) -> list[str]:
    """Return the names of netopt's own variables that Ansible has no business with."""
    return [name for name in environment if name.startswith("NETOPT_") and name not in SHOWN]


def marker(run_id: str) -> str:
    """Return the entry of the environment by which the processes of ``run_id`` are known."""
    return f"{MARKER}={run_id}"


def _collection_paths(base: Mapping[str, str], cwd: Path) -> list[str]:
    """Return where the user's collections are: connection plugins may come from them.

    Setting the variable for the bridge's own collection hides what ``ansible.cfg`` says, so that is
    read here, in the order in which ansible-core looks for the file.
    """
    own = base.get("ANSIBLE_COLLECTIONS_PATH")
    if own:
        return own.split(os.pathsep)
    path = config_file(base, cwd)
    return (_from_config(path) if path is not None else []) or list(DEFAULT_COLLECTIONS)


def config_file(base: Mapping[str, str], cwd: Path) -> Path | None:
    """Return the ``ansible.cfg`` that Ansible reads when it is started in ``cwd``, ``None`` for none."""
    configured = base.get("ANSIBLE_CONFIG")
    candidates = [cwd / "ansible.cfg", Path.home() / ".ansible.cfg", Path("/etc/ansible/ansible.cfg")]
    if configured:
        path = Path(configured).expanduser()
        candidates.insert(0, path / "ansible.cfg" if path.is_dir() else path)
    return next((path for path in candidates if path.is_file()), None)


def _from_config(path: Path) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",), strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return []  # ansible-playbook reads the same file and reports what is wrong with it
    text = parser.get("defaults", "collections_path", fallback="")
    text = text or parser.get("defaults", "collections_paths", fallback="")
    parts = [part.strip().replace("{{CWD}}", str(Path.cwd())) for part in text.split(os.pathsep) if part.strip()]
    return [str(path.parent / Path(part).expanduser()) for part in parts]
