# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How benchmarks/stages.py notes stages and adds them up; measuring itself takes a lab and minutes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"
TARGET = "ansible_collections.netopt.linux.plugins.module_utils"
# when, process, function, begin or end: netopt is 1, Ansible 2, the workers of two hosts 3 and 4
NOTES = """\
11 1 main begin
13 1 Service.begin_apply begin
14 1 run_playbook begin
16 2 PlaybookCLI.run begin
17 2 InventoryManager.parse_sources begin
18 2 InventoryManager.parse_sources end
20 3 TaskExecutor.run begin
21 4 TaskExecutor.run begin
21 3 TransportAction._run_there begin
23 4 TransportAction._run_there begin
22 3 python begin
24 4 python begin
23 3 Transaction.run begin
26 4 Transaction.run begin
24 3 Apply._rehearse begin
26 3 Apply._rehearse end
27 3 Transaction.run end
27 4 Transaction.run end
28 3 TransportAction._run_there end
28 4 TransportAction._run_there end
28 3 over_new_connection begin
31 3 over_new_connection end
32 3 TaskExecutor.run end
28 4 TaskExecutor.run end
32 2 TaskExecutor.run begin
33 2 TaskExecutor.run end
34 2 PlaybookCLI.run end
35 1 run_playbook end
"""


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program, which lies beside others that it imports and not in a package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("stages")


def test_stages_are_the_whole(stages: ModuleType) -> None:
    """What comes one after the other adds up to the whole run, and a host's stages to its turn."""
    found = stages.stages(stages.read([NOTES]), 10.0, 36.0)
    assert stages.whole(found) == 26.0
    assert found[stages.TURN] == 12.0
    assert found["Ansible: inventory"] == 1.0
    assert found["host: rehearsal"] == 1.0  # the median of two and nothing
    for worker, turn in (("3", 12.0), ("4", 7.0)):
        assert sum(stages._of_host(stages.read([NOTES]), worker).values()) == turn


def test_what_is_noted_is_there(stages: ModuleType) -> None:
    """Each function that is to be noted exists under its name, and the transport begins as is expected of it."""
    wanted = {**stages.HERE_WANTED, **stages.THERE_WANTED}
    for module, names in wanted.items():
        holder = importlib.import_module(module.replace("netopt_target", TARGET))
        for name in names:
            found = holder
            for part in name.split("."):
                found = getattr(found, part)
            assert callable(found), name
    compile(stages.bootstrap(), "bootstrap", "exec")


def test_functions_are_noted(stages: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module is what it was, with the begin and the end of its functions noted, also of one that fails."""
    hook = importlib.import_module(stages.HOOK.stem)
    (tmp_path / "noted_here.py").write_text(
        "class Kind:\n    def method(self):\n        return 1 / 0\ndef plain(one, *, two):\n    return one, two\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "noted_here", raising=False)
    notes: list[tuple[str, str]] = []
    hook.Hooks({"noted_here": ["plain", "Kind.method"]}, lambda *words: notes.append(words)).come_first()
    module = importlib.import_module("noted_here")
    assert module.plain(1, two=2) == (1, 2)
    with pytest.raises(ZeroDivisionError):
        module.Kind().method()
    assert notes == [("plain", "begin"), ("plain", "end"), ("Kind.method", "begin"), ("Kind.method", "end")]
    assert module.__spec__.loader.path == str(tmp_path / "noted_here.py")
