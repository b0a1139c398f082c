# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of how the tables of netem are read, and who gets which."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._tc import netem_tables
from ansible_collections.netopt.linux.plugins.module_utils._tc.commands import commands
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import intent
from ansible_collections.netopt.linux.plugins.module_utils._tc.netlink_options import shown
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import TcObject, objects, packed, same
from ansible_collections.netopt.linux.plugins.module_utils._tc.undumped import recalled

TEXT = "# a table\n -32768 -5 0\n\n7  +8\n12 # the rest says nothing\n"
NUMBERS = (-32768, -5, 0, 7, 8, 12)


def test_read_as_tc_reads_it() -> None:
    """Numbers of 16 bits, line by line; what follows something else is left out."""
    assert netem_tables.parsed(TEXT) == struct.pack("=6h", *NUMBERS)


def test_found_where_distributions_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first folder that has the table counts, those by the machine's kind last; none is an error that says so."""
    monkeypatch.setattr(netem_tables, "FOLDERS", (str(tmp_path / "none"),))
    monkeypatch.setattr(netem_tables, "FOLDERS_BY_MACHINE", (str(tmp_path), "*/tc"))
    with pytest.raises(NetoptError) as caught:
        netem_tables.table("normal")
    assert "no table normal" in caught.value.message
    (tmp_path / "s390x/tc").mkdir(parents=True)
    (tmp_path / "s390x/tc/normal.dist").write_text(TEXT)
    assert netem_tables.table("normal") == struct.pack("=6h", *NUMBERS)


def test_each_netem_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel shows gets the table that the commands name; compared, a table is as if it were shown."""
    monkeypatch.setattr(netem_tables, "table", lambda name: name.encode() + b"." * (-len(name) % 4))
    changes = {"netem": {"delay_ms": 20, "delay_jitter_ms": 4, "distribution": "normal"}}
    options = struct.pack("=6I", 10, 1000, 0, 0, 0, 5)
    dumped = TcObject("qdisc", "netem", 0x60000000, 0x10002, options=options)
    other = TcObject("qdisc", "netem", 0x20000000, 0x10001, options=options)
    interface = {"link": {}, "default": False, **packed([dumped, other])}
    found = netem_tables.with_tables(interface, commands(intent(changes, ("eth0",)), "eth0"))
    whole, untouched = objects(found)
    assert untouched == other
    assert b"normal" in (whole.options or b"")
    assert shown("qdisc", "netem", whole.options or b"") == options
    assert same(dumped, whole)
    again = recalled({"interfaces": {"eth0": interface}}, {"interfaces": {"eth0": found}})
    assert objects(again["interfaces"]["eth0"]) == [whole, other]
    changed = TcObject(**{**vars(dumped), "options": struct.pack("=6I", 11, 1000, 0, 0, 0, 5)})
    drifted = {"link": {}, "default": False, **packed([changed])}
    kept = recalled({"interfaces": {"eth0": drifted}}, {"interfaces": {"eth0": found}})
    assert objects(kept["interfaces"]["eth0"]) == [changed]
