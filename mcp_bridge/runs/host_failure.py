# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns what Ansible says of a host that gave no report into one clear line with a hint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Error = dict[str, str | None]


@dataclass(frozen=True)
class _Known:
    """A failure by its text: what to say, what was wanted, and what to do."""

    pattern: re.Pattern[str]
    stage: str
    key: str
    message: str
    wanted: str
    hint: str


# A text may be long and full of what a pattern begins with: ``.{1,300}`` and not ``.*`` between two words.
def _known(pattern: str, *, key: str, message: str, wanted: str, hint: str, stage: str = "connect") -> _Known:
    return _Known(re.compile(pattern, re.IGNORECASE), stage, key, message, wanted, hint)


SILENCE = "no message"
_LOST = _known(
    r"closed by remote host|connection to .{1,300} closed|broken pipe|connection reset|reached over ssh:\s*$",
    key="ssh connection",
    message="The connection to the host was lost",
    wanted="a connection that lasts",
    hint="A change that was begun is restored by the host's own timer; look at it with `netopt checkpoints`.",
)
# The first that matches is taken. The texts are OpenSSH's, sudo's and ansible-core's own.
_CONNECTION = (
    _known(
        r"mm_receive_fd|unknown port 65535|stdio forwarding failed|proxy command failed",
        key="ssh proxy",
        message="The jump host or proxy of the SSH connection did not get through",
        wanted="a connection by way of ProxyJump or ProxyCommand",
        hint="Check ansible_host and ansible_port, that the host is up, and the jump host that leads to it.",
    ),
    _known(
        r"host key verification failed|remote host identification has changed",
        key="ssh host key",
        message="The host's SSH key is not the known one",
        wanted="a host key that known_hosts lists",
        hint="Compare the key's fingerprint on the host, then mend known_hosts with ssh-keygen -R and ssh-keyscan.",
    ),
    _known(
        r"permission denied|too many authentication failures|no more authentication methods",
        key="ssh login",
        message="The host refused the SSH login",
        wanted="a login with the inventory's user and key",
        hint="Check ansible_user and ansible_ssh_private_key_file, and the host's authorized_keys.",
    ),
    _known(
        r"connection refused",
        key="ssh port",
        message="Nothing listens on the host's SSH port",
        wanted="an SSH server",
        hint="Check ansible_host and ansible_port, and that sshd runs on the host.",
    ),
    _known(
        r"could not resolve hostname|name or service not known|temporary failure in name resolution",
        key="ssh address",
        message="The host's name has no address",
        wanted="a name that resolves",
        hint="Set ansible_host to an address, or mend the name service.",
    ),
    _known(
        r"no route to host|network is unreachable",
        key="ssh address",
        message="There is no route to the host",
        wanted="a reachable address",
        hint="Check ansible_host, and that the host is up.",
    ),
    _known(
        r"timed out|timeout",
        key="ssh address",
        message="The host did not answer in time",
        wanted="an answer on the SSH port",
        hint="Check that the host is up and that no firewall drops the connection.",
    ),
    _LOST,
)
_MODULE = (
    _known(
        r"python is too old",
        key="python",
        message="The host's Python is too old",
        wanted="Python 3.8 or newer",
        hint="Install a newer python3 on the host, and set ansible_python_interpreter to it.",
    ),
    _known(
        r"module interpreter .{1,300} was not found|python[0-9.]*: (command )?not found|no python interpreters found",
        key="python",
        message="The host has no Python where it was looked for",
        wanted="Python 3.8 or newer",
        hint="Install python3 on the host, or set ansible_python_interpreter.",
    ),
    _known(
        r"sudo: not found|sudo: command not found|become success|sudo: a password|missing sudo password"
        r"|incorrect sudo password|not in the sudoers|must have a tty|no tty present|may not run sudo"
        r"|sudo: a terminal is required|sudo on the host wants|may not become root",
        key="become",
        message="The login could not become root",
        wanted="root on the host",
        hint="Log in as root, or let ansible_become work: sudo installed, allowed, and with its password if it asks.",
    ),
    _known(
        r"no space left on device",
        key="disk",
        message="The host's disk is full",
        wanted="room for the module and the checkpoint",
        hint="Free some space on the host.",
    ),
)


# of ansible-core for a module that it packed, and of the transport
NO_RESULT = ("deserialization failed", "No start of json char", "ended without a result")


def unreachable(result: Mapping[str, Any]) -> Error:
    """Return ``HostReport.error`` for a host that Ansible calls unreachable."""
    text = _text(result)
    found = _last_words(text)
    for known in _CONNECTION:
        if known.pattern.search(text):
            return _error(known, found)
    if found == SILENCE:  # ssh ends so when what it ran was killed together with its shell
        return _error(_LOST, found)
    return {
        "stage": "connect",
        "key": "ssh",
        "wanted": "a connection",
        "before": None,
        "after": found,
        "message": f"The host could not be reached: {found}",
        "hint": "Try `ansible HOST -m ansible.builtin.ping` with the same inventory.",
    }


def failed(result: Mapping[str, Any], *, task: str, stage: str = "apply") -> Error:
    """Return ``HostReport.error`` for a task that failed without a report of its own.

    Args:
        result: the task's result.
        task: the task's name, for the message.
        stage: the stage to name when the text does not tell.
    """
    text = _text(result)
    found = _last_words(text)
    for known in _MODULE:
        if known.pattern.search(text):
            return _error(known, found)
    message = f"{task}: {found}"
    hint = "This is a defect of netopt or of the playbook; the run's log has all of it."
    if any(sign in text for sign in NO_RESULT):
        message = f"{task}: the module ended without a result: {_ending(result)}"
        hint = "The host restores the checkpoint by itself if a change was begun; see `netopt checkpoints`."
    return {
        "stage": stage,
        "key": task,
        "wanted": "a result",
        "before": None,
        "after": found,
        "message": message,
        "hint": hint,
    }


def interrupted(reason: str) -> Error:
    """Return ``HostReport.error`` for a host whose result a cancelled or timed-out run did not wait for."""
    how = {"cancelled": "was cancelled", "timeout": "took too long and was ended", "lost": "lost its process"}.get(
        reason, "ended early"
    )
    return {
        "stage": "apply",
        "key": None,
        "wanted": "a result",
        "before": None,
        "after": None,
        "message": f"The run {how} before this host had reported",
        "hint": "The host keeps the whole change or restores the checkpoint by itself; "
        "`netopt checkpoints` shows which, `netopt rollback` undoes it.",
    }


def _error(known: _Known, found: str) -> Error:
    return {
        "stage": known.stage,
        "key": known.key,
        "wanted": known.wanted,
        "before": None,
        "after": found,
        "message": known.message,
        "hint": known.hint,
    }


def _text(result: Mapping[str, Any]) -> str:
    parts = (result.get("msg"), result.get("module_stderr"), result.get("stderr"))
    return "\n".join(str(part) for part in parts if part)


def _last_words(text: str) -> str:
    """Return the first line that says something, without what Ansible puts in front of it."""
    for line in text.splitlines():
        words = re.sub(r"^(Task failed:|Module failed:|Failed to connect to the host via ssh:|\s)+", "", line).strip()
        _, _, tail = words.partition("Make sure this host can be reached over ssh: ")
        words = tail or words
        if words and not words.startswith((">>>", "@@@")):
            return words
    return SILENCE


def _ending(result: Mapping[str, Any]) -> str:
    rc = result.get("rc")
    last = [line for line in str(result.get("module_stderr") or "").splitlines() if line.strip()][-1:]
    return last[0] if last else f"exit status {rc}"
