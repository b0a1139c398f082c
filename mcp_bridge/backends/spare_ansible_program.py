# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - to import Ansible, and to say when, is what this is for

"""Imports Ansible, waits on standard input for a run, and becomes its ``ansible-playbook``; see ``spare_ansible.py``.

Ansible reads its settings as it is imported. So what was imported is used only where the run has the environment and
the folder with which this process was started, the files are as they were, all was imported, and nothing was said
meanwhile, such as a warning. Else the program is executed, which reads and says everything anew.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import importlib.util
import os
import re
import signal
import socket
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from mcp_bridge.backends import ansible_environment, handover

if TYPE_CHECKING:
    from io import TextIOWrapper

# What every run needs besides; another release of Ansible may have it elsewhere.
MORE = (
    "ansible.plugins.callback.junit",
    "ansible.plugins.connection.ssh",
    "ansible.plugins.inventory.auto",
    "ansible.plugins.strategy.linear",
    "ansible.utils.encrypt",
)
VARIABLE = re.compile(r"\$\{?(\w+)")
LOG_PATH = re.compile(r"^\s*log_path\s*[=:]", re.MULTILINE)


def main() -> None:
    """Wait, and run what comes."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # a lock, say, of whoever called netopt
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is made as Ansible is imported is removed
    place = ctypes.CDLL(None).getenv
    place.restype = ctypes.c_void_p
    mark = place(ansible_environment.MARKER.encode())
    started, folder = dict(os.environ), _here()
    read = _files(started, folder)
    imported = _may_be_read_ahead(started, folder) and _import_ansible()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with socket.socket(fileno=os.dup(0)) as theirs:
        come = handover.receive(theirs, 1)
    if come is None:
        return
    told, (terminal,) = come
    _take(terminal)
    argv, environment, cwd = told["argv"], told["environment"], told["cwd"]
    same = cwd == folder and _alike(started, environment) and _files(started, folder) == read
    if imported and same and _mark(mark, environment):
        _run(argv, environment)
    os.chdir(cwd)
    os.execve(argv[0], argv, environment)


def _here() -> str:
    """Return this process's folder; nothing where it is gone."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def _files(environment: Mapping[str, str], folder: str) -> list[tuple[str, int, int, int]]:
    """Return what tells the files that Ansible reads as it is imported, and their state, from others."""
    found = []
    with contextlib.suppress(OSError, RuntimeError):
        own = importlib.util.find_spec("ansible")
        release = Path(own.origin).with_name("release.py") if own and own.origin else None
        for path in (ansible_environment.config_file(environment, Path(folder)), release):
            if path is not None:
                state = path.stat()
                found.append((str(path), state.st_ino, state.st_mtime_ns, state.st_size))
    return found


def _may_be_read_ahead(environment: Mapping[str, str], folder: str) -> bool:
    """Tell whether Ansible's settings are the same for all runs, and reading them opens no log."""
    try:
        path = ansible_environment.config_file(environment, Path(folder))
        text = path.read_text(encoding="utf-8") if path else ""
    except (OSError, RuntimeError, UnicodeDecodeError):
        return False  # Ansible says what is wrong
    texts = [text, *(value for name, value in environment.items() if name.startswith("ANSIBLE_"))]
    names = {name for one in texts for name in VARIABLE.findall(one)}
    logs = "ANSIBLE_LOG_PATH" in environment or LOG_PATH.search(text)
    return not logs and not any(ansible_environment.is_of_one_run(name) for name in names)


def _import_ansible() -> bool:
    """Import what every run imports; tell whether all went well, and silently."""
    try:
        said = os.memfd_create("said")
        for number in (1, 2):
            os.dup2(said, number)
        os.environ["ANSIBLE_LOCAL_TEMP"] = tempfile.gettempdir()
        importlib.import_module("ansible.cli.playbook")
        for name in MORE:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        sys.stdout.flush()
        sys.stderr.flush()
        return os.fstat(said).st_size == 0
    except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, the program says it again
        return False
    finally:
        with contextlib.suppress(KeyError, AttributeError, OSError):  # one was made; the run has its own
            Path(vars(sys.modules["ansible.constants"])["DEFAULT_LOCAL_TMP"]).rmdir()


def _take(terminal: int) -> None:
    """Make a terminal this process's own, and its input and output."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(terminal, number)
    os.close(terminal)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as ansible-runner starts it


def _alike(started: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Tell whether two environments differ in nothing that Ansible reads as it is imported."""
    ours, theirs = (
        {name: text for name, text in one.items() if not ansible_environment.is_of_one_run(name)}
        for one in (started, wanted)
    )
    return ours == theirs


def _mark(place: int | None, environment: Mapping[str, str]) -> bool:
    """Write the run's id where the kernel shows what this process was started with, and tell whether it fits.

    By it the process is found and ended, whoever started it (``process_tree.py``).
    """
    run_id, room = (os.fsencode(one.get(ansible_environment.MARKER, "")) for one in (environment, os.environ))
    if not place or not run_id or len(run_id) > len(room):
        return False
    ctypes.memmove(place, run_id.ljust(len(room), b"\0"), len(room))
    return True


def _run(argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Be ``ansible-playbook``."""
    from ansible import constants
    from ansible.cli.playbook import PlaybookCLI

    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(argv)
    for stream in (sys.stdout, sys.stderr):
        cast("TextIOWrapper", stream).reconfigure(line_buffering=True)  # it was no terminal before
    tempfile.tempdir = None
    settings: Any = constants
    for name in ("DEFAULT_LOCAL_TMP", "CACHE_PLUGIN_CONNECTION"):  # of what is of one run, what Ansible has read
        setattr(settings, name, settings.config.get_config_value(name))
    PlaybookCLI.cli_executor(list(argv))
    raise SystemExit


if __name__ == "__main__":
    main()
