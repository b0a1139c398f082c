# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the log of the commands that a script has run, as ``recorder.sh`` writes it. Pure."""

from __future__ import annotations

from .model import Said

FIELDS = 6  # of a command, ahead of its words


def commands_of(log: str) -> list[Said]:
    """Return the commands of a log; what a script has written there itself may be anything."""
    found = []
    fields = log.split("\0")
    at = 0
    while at + FIELDS <= len(fields):
        place, name, status, error, batch, count = fields[at : at + FIELDS]
        at += FIELDS
        if not count.isdecimal() or not status.isdecimal():
            break
        words = fields[at : at + int(count)]
        at += int(count)
        frames = (each.rpartition(":") for each in place.split("|"))
        where = tuple((file, int(line)) for file, _colon, line in frames if file and line.isdecimal())
        if batch:
            failed = {int(word) for word in error.replace("-:", " ").split() if word.isdecimal()}
            lines = [each.split() for each in batch.splitlines()]
            for number, each in enumerate(lines, 1):
                if each and not each[0].startswith("#"):
                    wrong = number in failed
                    found.append(Said(where, (name, *each), int(wrong), error if wrong else ""))
        else:
            found.append(Said(where, (name, *words), int(status), error.strip()))
    return found
