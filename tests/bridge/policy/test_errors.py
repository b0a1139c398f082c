# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies that cannot be used: each error names the file, the line and the path."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.policy import PolicyError, load_policy
from mcp_bridge.policy.loader import policy_directory

RMEM = "config_cards/sysctl.tcp_rmem.yaml"


def _line_of(text: str, part: str) -> int:
    """Return the line on which ``part`` begins."""
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("file", "old", "new", "at", "path", "problem"),
    [
        pytest.param(
            RMEM,
            "purpose:",
            "purpse:",
            "purpse:",
            "purpse",
            r"Extra inputs are not permitted|Field required",
            id="typo",
        ),
        pytest.param(RMEM, "level: medium", "level: huge", "level: huge", "risk.level", "Input should be", id="value"),
        pytest.param(RMEM, "level: medium", "level: {", None, "", "Not valid YAML", id="not yaml"),
        pytest.param(
            RMEM,
            "when: new sockets",
            "when: now\n  when: new sockets",
            "when: new sockets",
            "effect.when",
            r"given twice, first on line \d+",
            id="duplicate key",
        ),
        pytest.param(RMEM, "level: medium", "no: medium", "no: medium", "risk", "is not text; quote it", id="yaml no"),
        pytest.param(
            RMEM,
            "no_effect_since: null",
            "no_effect_since: 4.14",
            "no_effect_since",
            "effect.no_effect_since",
            "valid string",
            id="number for a version",
        ),
        pytest.param(
            RMEM, "id: sysctl.tcp_rmem", "id: sysctl.other", "id:", "id", "must be in a file named", id="file name"
        ),
        pytest.param(
            RMEM,
            "sysctl: net.ipv4.tcp_rmem",
            "sysctl: net.ipv4.tcp_wrong",
            "sysctl: net",
            "sysctl",
            "has no range",
            id="key without range",
        ),
        pytest.param(
            "config_cards/sysctl.tcp_wmem.yaml",
            "sysctl: net.ipv4.tcp_wmem",
            "sysctl: net.ipv4.tcp_rmem",
            "sysctl: net",
            "sysctl",
            "has a card already: sysctl.tcp_rmem",
            id="two cards for a key",
        ),
        pytest.param(
            RMEM, "max: 67108864", "max: 5", "- name: min", r"parameters[0]", "the card says", id="card range"
        ),
        pytest.param(
            RMEM, "tcp_rmem[0]", "tcp_rmem[7]", "- name: min", "parameters[0]", "has 3 fields", id="no such field"
        ),
        pytest.param(
            "limits.yaml",
            "    max: 65535\n",
            "    max: lots\n",
            "max: lots",
            None,
            "valid integer|valid number",
            id="limit",
        ),
        pytest.param("limits.yaml", "ranges:", "ranges: &all", None, None, "", id="an anchor alone is harmless"),
        pytest.param(
            "profiles.yaml",
            "      - tc.qdisc_fq\n",
            "      - tc.qdisc_none\n",
            "- tc.qdisc_none",
            "profiles[0].active_cards[1]",
            "There is no card tc.qdisc_none",
            id="no such card",
        ),
        pytest.param(
            "profiles.yaml",
            "net.core.busy_poll: 50",
            "net.core.busy_poll: 5000",
            "net.core.busy_poll: 5000",
            "profiles[0].defaults.sysctl.net.core.busy_poll",
            "exceeds maximum allowed: 1000",
            id="profile value",
        ),
        pytest.param(
            "profiles.yaml",
            "net.core.busy_poll: 50",
            "net.core.busy_pol: 50",
            "net.core.busy_pol: 50",
            "profiles[0].defaults.sysctl.net.core.busy_pol",
            "No card covers the key",
            id="profile key",
        ),
        pytest.param(
            "profiles.yaml",
            "      sysctl.net.core.busy_poll:",
            "      sysctl.net.core.busy_pole:",
            "    sources:",
            "profiles[0].sources",
            "No source for sysctl.net.core.busy_poll",
            id="no source",
        ),
        pytest.param(
            "profiles.yaml",
            "    sources:\n",
            "    sources:\n      mtu: nothing here\n",
            "mtu:",
            None,
            "There is no value",
            id="idle source",
        ),
        pytest.param(
            "profiles.yaml",
            "      - sysctl.busy_read\n",
            "",
            "active_cards:",
            "profiles[0].active_cards",
            "card of net.core.busy_read is missing",
            id="card not active",
        ),
        pytest.param(
            "profiles.yaml",
            "type: fq",
            "type: codel",
            "type: codel",
            "profiles[0].defaults.qdisc.type",
            "not one of those allowed",
            id="qdisc",
        ),
        pytest.param(
            "profiles.yaml",
            "      qdisc:\n        type: fq",
            "      qdics:\n        type: fq",
            "qdics:",
            "profiles[0].defaults.qdics",
            "There is no change named qdics",
            id="change",
        ),
        pytest.param(
            "profiles.yaml", "dscp: AF41", "dscp: AF49", "dscp: AF49", None, "must be a whole number", id="dscp name"
        ),
        pytest.param(
            "profiles.yaml",
            "- name: streaming",
            "- name: gaming",
            "- name: gaming\n    description: >-\n      Adaptive",
            None,
            "two profiles named gaming",
            id="twin",
        ),
        pytest.param(
            "rules.yaml",
            "link.speed_mbit: { ge: 10000 }",
            "link.speed: { ge: 10000 }",
            "link.speed:",
            None,
            "Input should be",
            id="fact",
        ),
        pytest.param(
            "rules.yaml", "{ ge: 10000 }", "{ above: 10000 }", "{ above", None, "Input should be", id="operator"
        ),
        pytest.param(
            "rules.yaml",
            "profiles: [bulk_transfer, streaming]",
            "profiles: [bulk, streaming]",
            "profiles: [bulk,",
            "adaptations[0].profiles[0]",
            "There is no profile bulk",
            id="rule's profile",
        ),
        pytest.param(
            "rules.yaml",
            "net.core.optmem_max: 1048576",
            "net.core.optmem_max: 104857600",
            "net.core.optmem_max: 104857600",
            "adaptations[2].set.sysctl.net.core.optmem_max",
            "exceeds maximum",
            id="rule's value",
        ),
        pytest.param(
            "rules.yaml",
            "drop: { changes: [qdisc] }",
            "drop: { changes: [disc] }",
            "drop: { changes: [disc]",
            None,
            "no change named disc",
            id="dropped",
        ),
        pytest.param("rules.yaml", "- id: cpus_16", "- id: cpus_8", None, None, "two adaptations with the id", id="id"),
        pytest.param(
            "rules.yaml",
            "        - net.core.wmem_max\n        - net.ipv4.tcp_low_latency",
            "        - net.ipv4.tcp_low_latency",
            "adaptations:",
            "adaptations",
            "No adaptation drops net.core.wmem_max",
            id="namespace",
        ),
        pytest.param(
            "validation_limits.yaml",
            "max_hosts: 1000",
            "max_hosts: '1000'",
            "max_hosts:",
            "max_hosts",
            "valid integer",
            id="text for a number",
        ),
        pytest.param(
            "validation_limits.yaml",
            '  max_hosts: "judgement',
            '  max_hosst: "judgement',
            None,
            "",
            "sources must hold",
            id="size without source",
        ),
        pytest.param(
            RMEM,
            "sysctl.net.ipv4.tcp_rmem[0]",
            "sysctl.net.ipv4.tcp_nem[0]",
            "- name: min",
            "parameters[0]",
            "limits.yaml has no range for sysctl.net.ipv4.tcp_nem",
            id="parameter without range",
        ),
        pytest.param(
            "profiles.yaml",
            "        params: {}",
            "        params: { limit: 1 }",
            "params: { limit: 1 }",
            "profiles[0].defaults.qdisc.params.limit",
            "below minimum allowed: 100",
            id="qdisc parameter",
        ),
        pytest.param(
            "profiles.yaml",
            "        params: {}",
            "        params: { speed: 1 }",
            "params: { speed: 1 }",
            "profiles[0].defaults.qdisc.params.speed",
            "has no range for qdisc.fq.speed",
            id="unknown qdisc parameter",
        ),
        pytest.param(
            "rules.yaml",
            "    set:\n      sysctl:\n        net.core.optmem_max: 1048576",
            "    set: { sysctl: [] }",
            "set: { sysctl: [] }",
            "adaptations[2].set.sysctl",
            "A mapping is wanted here",
            id="list for a mapping",
        ),
        pytest.param(
            "rules.yaml",
            "        - net.core.somaxconn\n",
            "        - net.core.somaxcon\n",
            "- net.core.somaxcon",
            None,
            "No card covers the key net.core.somaxcon",
            id="kept key",
        ),
        pytest.param(
            "allowlist.yaml",
            "package: nftables",
            "packages: nftables",
            None,
            None,
            "Field required|Extra",
            id="program",
        ),
    ],
)
def test_broken_files(  # noqa: PLR0913, PLR0917  # one column of the table each
    tmp_path: Path, file: str, old: str, new: str, at: str | None, path: str | None, problem: str
) -> None:
    """An edit that breaks the policy is refused at the line and path at which it was made."""
    directory = Path(shutil.copytree(policy_directory(), tmp_path / "policy"))
    text = (directory / file).read_text(encoding="utf-8")
    assert old in text
    broken = text.replace(old, new, 1)
    (directory / file).write_text(broken, encoding="utf-8")
    if not problem:
        load_policy(directory)
        return
    with pytest.raises(PolicyError) as caught:
        load_policy(directory)
    assert caught.value.file == directory / file
    assert re.search(problem, caught.value.problem)
    assert path is None or caught.value.path == path
    assert at is None or caught.value.line == _line_of(broken, at)
    assert str(caught.value).startswith(f"{directory / file}:")


@pytest.mark.parametrize(
    ("remove", "problem"),
    [("rules.yaml", "No such file"), ("config_cards", "There are no cards here"), (".", "no such policy directory")],
)
def test_missing_parts(tmp_path: Path, remove: str, problem: str) -> None:
    """A policy that stands alone with a part missing says which."""
    directory = Path(shutil.copytree(policy_directory(), tmp_path / "policy"))
    (directory / "policy.yaml").write_text("replace: true\n", encoding="utf-8")
    target = directory / remove
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    with pytest.raises(PolicyError, match=problem) as caught:
        load_policy(directory)
    fault = next(fault for fault in caught.value.faults if fault.file == target)
    assert fault.line is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "The file is empty", id="empty"),
        pytest.param("- a\n", "valid dictionary", id="list"),
        pytest.param("ranges: &a\n  b: *a\n", "aliases are not used", id="alias of itself"),
        pytest.param("ranges: {a: &x {}, b: *x}\n", "aliases are not used", id="alias"),
        pytest.param("ranges: {}\n---\nranges: {}\n", "expected a single document", id="two documents"),
        pytest.param("ranges: !!python/object/apply:os.system [id]\n", "Not valid YAML|Input should be", id="tag"),
        pytest.param("ranges: \x01\n", "Not valid YAML", id="control character"),
    ],
)
def test_files_that_are_no_policy(tmp_path: Path, text: str, problem: str) -> None:
    """Whatever stands in a file, the answer is one clear error."""
    directory = Path(shutil.copytree(policy_directory(), tmp_path / "policy"))
    (directory / "limits.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=problem):
        load_policy(directory)


def test_policy_error_is_of_the_hierarchy() -> None:
    """A client that maps the bridge's errors maps this one too."""
    assert issubclass(PolicyError, NetoptBridgeError)
