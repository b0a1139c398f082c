# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new connection is apart from the old ones, and as whoever configured ssh wants it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.netopt.linux.plugins.plugin_utils import _ssh
from ansible_collections.netopt.linux.plugins.plugin_utils._ssh import APART, connect_anew, watch

if shutil.which("ssh") is None:
    pytest.skip("there is no ssh here", allow_module_level=True)
CHOSEN = "-o KexAlgorithms=ecdh-sha2-nistp256"


class Connection:
    """What is used of a connection plugin: its kind and its options."""

    def __init__(self, transport: str = "ssh", **options: str) -> None:
        self.transport = transport
        self.options = {"host": "host.example", "ssh_args": "-C", **options}
        self.resets = 0

    def get_option(self, name: str) -> str | None:
        """Return an option's value."""
        return self.options.get(name)

    def set_option(self, name: str, value: str) -> None:
        """Set an option."""
        self.options[name] = value

    def reset(self) -> None:
        """Count that the connection was closed."""
        self.resets += 1


def told(arguments: str, name: str) -> str:
    """Return what ssh says it would do about an option."""
    done = subprocess.run(["ssh", *_words(arguments), "-G", "host.example"], capture_output=True, text=True, check=True)
    return next(line.partition(" ")[2] for line in done.stdout.splitlines() if line.startswith(name + " "))


def _words(arguments: str) -> list[str]:
    return arguments.replace("-o ", "-o").split()


def test_apart_from_the_old_one_and_quick() -> None:
    """It uses no master, and offers what ssh offers, the quick exchange first where the default is a slow one."""
    connection = Connection(ssh_common_args="-F none")
    connect_anew(connection)
    arguments = connection.options["ssh_args"]
    assert arguments.startswith(APART)
    assert arguments.endswith("-C")
    assert told(f"-F none {arguments}", "controlmaster") == "false"
    default = told("-F none", "kexalgorithms").split(",")
    offered = told(f"-F none {arguments}", "kexalgorithms").split(",")
    assert sorted(offered) == sorted(default)
    slow = default[0].startswith(_ssh.SLOW_KEX)
    assert offered[0] == (_ssh.QUICK_KEX if slow else default[0])


@pytest.mark.parametrize("name", ["ssh_args", "ssh_common_args", "ssh_extra_args"])
def test_a_choice_is_kept(name: str) -> None:
    """Whoever has set how keys are exchanged gets what they set."""
    connection = Connection(**{name: CHOSEN})
    connect_anew(connection)
    assert connection.options["ssh_args"].count("KexAlgorithms") == (name == "ssh_args")


def test_other_transports_are_closed() -> None:
    """What is not ssh is opened anew by ansible-core."""
    connection = Connection("local")
    connect_anew(connection)
    assert (connection.resets, connection.options["ssh_args"]) == (1, "-C")


def test_host_that_falls_silent_ends_it() -> None:
    """A silent host is asked whether it is there, unless somebody has said how often; other transports have no ssh."""
    connection = Connection(ssh_common_args="-F none")
    for _time in range(2):
        watch(connection)
    arguments = connection.options["ssh_args"]
    assert arguments.count("ServerAliveInterval") == 1
    assert (told(arguments, "serveraliveinterval"), told(arguments, "serveralivecountmax")) == ("30", "5")

    for said in ("ssh_args", "ssh_common_args", "ssh_extra_args"):
        chosen = Connection(**{said: "-o serveraliveinterval=7"})
        watch(chosen)
        assert "ServerAliveInterval" not in chosen.options["ssh_args"]

    other = Connection("local")
    watch(other)
    assert other.options["ssh_args"] == "-C"
