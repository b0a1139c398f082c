# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a module gave no result: its Python is too old, or sudo did not let it begin; pure.

ansible-core has the cause somewhere in what the host printed, and a message that says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OLDEST = (3, 8)
SIGNS = ("deserialization failed", "No start of json char", "ended without a result")
_VERSION = re.compile(r"^Python (\d+)\.(\d+)(\.\S+)?$", re.MULTILINE)
# what Pythons before 3.8 say of the flags and the sources that they are given
_UNREAD = re.compile(r"SyntaxError|Unknown option: -|ImportError|ModuleNotFoundError|requires? .{0,40}[Pp]ython")
# sudo's own words, and sudo-rs's; each line of them begins with its name or the user's
_SUDO = (
    (
        re.compile(r"must have a tty|no tty present|a terminal is required|use -S, stdin", re.IGNORECASE),
        "sudo on the host wants a terminal",
        "Take requiretty out of its sudoers for this user, or give its password in ansible_become_password.",
    ),
    (
        re.compile(r"not in the sudoers|is not allowed to (run|execute)|may not run sudo", re.IGNORECASE),
        "The user may not become root on the host",
        "Allow the user in the host's sudoers, or log in as root.",
    ),
    (
        re.compile(r"a password is required|incorrect password|authentication failed", re.IGNORECASE),
        "sudo on the host wants a password, or another one",
        "Give it in ansible_become_password, or allow the user in its sudoers with NOPASSWD.",
    ),
)


def gave_none(result: Mapping[str, Any]) -> bool:
    """Return whether a result is what is said for a module that gave none."""
    return bool(result.get("failed")) and any(sign in str(result.get("msg")) for sign in SIGNS)


def sudo_says(text: str) -> str | None:
    """Return why sudo did not let the module begin, by what the host printed; ``None`` where it did."""
    for line in text.splitlines():
        for pattern, message, hint in _SUDO:
            if pattern.search(line) and ("sudo" in line or "sorry" in line.lower()):
                return f"{message}: {' '.join(line.split())[:200]}. {hint}"
    return None


def may_be_too_old(printed: str) -> bool:
    """Return whether what a host printed may be that of a Python that does not know what it was given."""
    return bool(_UNREAD.search(printed))


def too_old(printed: str, python: str) -> str | None:
    """Return that a host's Python is too old, by what ``python -V`` printed; ``None`` where it is not."""
    found = _VERSION.search(printed)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST:
        return None
    wanted = ".".join(map(str, OLDEST))
    return (
        f"The host's Python is too old: {python} is {found[0][7:]}, and {wanted} or newer is wanted. "
        "Install one on the host, and set ansible_python_interpreter to it."
    )


def explained(result: Mapping[str, Any], cause: str) -> dict[str, Any]:
    """Return a result that says the cause first; what the host printed stays in it."""
    return {**result, "failed": True, "msg": cause}
