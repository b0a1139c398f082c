# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounds what a host can make this process take in: its answer has a size, also while it comes.

Connection plugins keep all that a host prints in memory until it ends, and a host need not end. Each host has a
process of its own here, so the kernel bounds that process while it listens: a host that prints more is an error of
that host, and the others are heard.
"""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from ansible.errors import AnsibleError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHARACTERS_MAX = 32_000_000  # of what a host prints; a report on ten thousand classes has a quarter of it
VALUES_MAX = 4_000_000  # that JSON text may have, told by what stands between them
LISTEN_ROOM = 256 << 20  # bytes: what is there twice while a piece is added to it, and as text
STATUS = Path("/proc/self/status")


class AnswerTooLargeError(AnsibleError):  # type: ignore[misc]  # ansible-core has no types
    """A host prints more than it has to say."""

    def __init__(self) -> None:
        super().__init__(
            f"The host's answer is not read: it has more than {CHARACTERS_MAX} characters or {VALUES_MAX} values. "
            "Look at what its shell, its sshd and its Python print"
        )


@contextlib.contextmanager
def bounded(room: int) -> Iterator[None]:
    """Bound the memory of this process while a host is listened to.

    Args:
        room: bytes on top of what is in use now.

    Raises:
        AnswerTooLargeError: there was no more room.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([_in_use() + room, *known]), hard))
    try:
        yield
    except MemoryError:
        raise AnswerTooLargeError from None
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def check(text: str) -> None:
    """Refuse what a host printed before it is read, where it is larger than anything that a host has to say.

    Raises:
        AnswerTooLargeError: it is.
    """
    if len(text) > CHARACTERS_MAX or sum(map(text.count, ",[{")) > VALUES_MAX:
        raise AnswerTooLargeError


def _in_use() -> int:
    """Return what the kernel counts of this process towards RLIMIT_DATA, in bytes (proc(5), VmData)."""
    for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        name, _colon, value = line.partition(":")
        if name == "VmData":
            return int(value.split()[0]) << 10
    return 0
