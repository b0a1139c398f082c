# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report says of a host is what the host said, whatever its shell, its sshd or a logout prints beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import on_console, ready
from tests.labs import brought_up

pytestmark = pytest.mark.lab

KEY = "net.ipv4.tcp_fin_timeout"
WAVES = ("--waves", "2,100%", "--on-failure", "roll-back")
AUDITED, FAREWELL, WORDY, TORN = range(1, 5)
RUN = 'sh -c "$SSH_ORIGINAL_COMMAND"'
RUN_BY_CSH = 'tcsh -f -c "$SSH_ORIGINAL_COMMAND"'  # which takes no line break between quotes
# Each stands in for what is found on hosts: wrappers that audit sessions, shells with traps, banners, lost answers.
WRAPPERS = {
    AUDITED: f'{RUN_BY_CSH}; echo "[audit] session recorded" >&2',
    WORDY: f'[ ! -e /root/flooded ] || exec cat /dev/zero; echo "Welcome. All is recorded."; {RUN}; '
    'echo "{} [] netopt-answer: Goodbye."',
    # answers whose numbers are in /root/torn are cut off in the middle
    TORN: f"n=$(($(cat /root/calls 2>/dev/null || echo 0) + 1)); echo $n >/root/calls; "
    f"if grep -qw $n /root/torn; then {RUN} | head -c 90; else {RUN}; fi",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Four namespace hosts that say more than they are asked, or less."""
    for made in brought_up("answers", hosts=4):
        for number, line in WRAPPERS.items():
            _on(made, number, f"cat > /root/wrapper <<'END'\n{line}\nEND")
            _on(
                made,
                number,
                "echo 'ForceCommand sh /root/wrapper' >> /etc/ssh/sshd_config; kill -HUP $(cat /run/sshd.pid)",
            )
        _on(made, TORN, "touch /root/torn")
        _on(made, FAREWELL, "echo \"trap 'echo goodbye' EXIT\" > /root/.bashrc")
        yield made


def _on(lab: Lab, number: int, script: str) -> str:
    return on_console(lab, str(number), "sh", "-c", script)


def _values(lab: Lab) -> list[str]:
    return [_on(lab, number, f"sysctl -n {KEY}").strip() for number in range(1, 5)]


@pytest.mark.parametrize(
    ("torn", "words"),
    [
        pytest.param("", (), marks=pytest.mark.long),
        pytest.param("1", (), marks=pytest.mark.long),
        pytest.param("3", (), marks=pytest.mark.long),
        pytest.param("1 3", (), marks=pytest.mark.long),
        pytest.param("", WAVES, marks=pytest.mark.long),
        ("1 3", WAVES),
    ],
)
def test_a_confirmed_change_is_reported_so(lab: Lab, tmp_path: Path, torn: str, words: tuple[str, ...]) -> None:
    """Whatever is printed around an answer, and where it is torn: the change is made, confirmed, reported, undone."""
    fleet = ready(lab, tmp_path)
    before = _values(lab)
    _on(lab, TORN, f"echo 0 > /root/calls; echo {torn} > /root/torn")
    answer = fleet.apply({"sysctl": {KEY: 27}}, *words, env={"ANSIBLE_HOME": str(tmp_path / "ansible")})
    assert answer.status == 0, answer.text
    assert answer.statuses == {"applied"}, answer.text
    assert _values(lab) == ["27"] * 4
    identity = answer.report["checkpoint_id"]
    for number in range(1, 5):
        header = _on(lab, number, f"cat /var/lib/netopt/checkpoints/{identity}/header.json")
        assert '"status":"confirmed"' in header, header
    warned = [warning for warning in answer.report["hosts"][fleet.name(TORN)]["warnings"] if "arrive whole" in warning]
    assert bool(warned) == ("1" in torn), answer.text
    _on(lab, TORN, "echo > /root/torn")
    assert fleet.netopt("rollback", identity).status == 0
    assert _values(lab) == before


@pytest.mark.long
def test_a_flood(lab: Lab, tmp_path: Path) -> None:
    """A host that prints without end is not listened to for long: it failed, and the others are changed."""
    fleet = ready(lab, tmp_path)
    _on(lab, WORDY, "touch /root/flooded")
    try:
        answer = fleet.apply({"sysctl": {KEY: 26}}, env={"ANSIBLE_HOME": str(tmp_path / "ansible")})
    finally:
        _on(lab, WORDY, "rm /root/flooded")
    odd = fleet.name(WORDY)
    assert answer.status == 1, answer.text
    hosts = answer.report["hosts"]
    assert "it has more than" in hosts[odd]["error"]["message"]
    assert {hosts[name]["status"] for name in hosts.keys() - {odd}} == {"applied"}
    assert fleet.netopt("rollback", answer.report["checkpoint_id"]).status == 0
