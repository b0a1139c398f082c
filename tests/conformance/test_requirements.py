# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocol's own suite, against the server's factory, transport and middleware."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conformance.processes import FOLDER, Server, node, serving
from tests.listening import free_port

SUMMARY = re.compile(r"^([✓✗]) ([\w-]+): (\d+) passed, (\d+) failed$", re.MULTILINE)
BASELINE: dict[str, dict[str, str]] = {
    str(revision): reasons
    for revision, reasons in yaml.safe_load((FOLDER / "baseline.yml").read_text(encoding="utf-8")).items()
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give the server with the suite's fixtures."""
    port = free_port()
    folder: Path = tmp_path_factory.mktemp("fixtures")
    variables = {"NETOPT_INVENTORY": "localhost,"}
    words = ["tests.conformance.fixture_server", str(port)]
    with serving(words, port=port, folder=folder, variables=variables) as running:
        yield running


@pytest.mark.parametrize("revision", sorted(BASELINE))
def test_requirements(server: Server, revision: str) -> None:
    """Every scenario that a revision requires passes, but for those in the baseline; those fail."""
    done = node("conformance", "server", "--url", server.url, "--requirements", revision)
    found = SUMMARY.findall(done.stdout)
    assert len(found) >= 30, done.stdout + done.stderr
    failing = {name for mark, name, _passed, _failed in found if mark == "✗"}
    assert failing == set(BASELINE[revision]), done.stdout[-6000:]
    assert sum(int(passed) for _mark, _name, passed, _failed in found) >= 75
    assert "Traceback" not in server.log.read_text(encoding="utf-8").replace("Error calling tool", "")


def test_baseline_gives_reasons() -> None:
    """Whatever is not passed has a reason, and what is scored and not passed is a capability that is not declared."""
    for reasons in BASELINE.values():
        for scenario, reason in reasons.items():
            assert len(reason) > 40, scenario
            assert reason.startswith("Not scored") or scenario.startswith("resources-"), scenario
