# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports, as Ansible and a person read them, and when something is due about a change."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import Content, Header, due
from ansible_collections.netopt.linux.plugins.module_utils._common import report as host_report
from ansible_collections.netopt.linux.plugins.module_utils._common.change import Change
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.rollback import set_by


def test_as_result_with_diff() -> None:
    """Differences are text by subsystem; what comes has no line before, what goes has none after."""
    report = host_report.HostReport(status=host_report.APPLIED, changed=True)
    report.differs([Change("sysctl", "a", "1", "2"), Change("nft", "r", None, "x"), Change("sysctl", "b", "3", None)])
    result = host_report.as_result(report, diff_mode=True)
    assert result["diff"] == [
        {"before_header": "sysctl", "after_header": "sysctl", "before": "a = 1\nb = 3\n", "after": "a = 2\n"},
        {"before_header": "nft", "after_header": "nft", "before": "", "after": "r = x\n"},
    ]
    assert "diff" not in host_report.as_result(report, diff_mode=False)
    assert "failed" not in result


def test_first_error_stays() -> None:
    """When the rollback fails too, the first error is the one reported, and the second a warning."""
    report = host_report.HostReport(changed=True)
    report.fail(host_report.ROLLED_BACK, NetoptError("the disk is full.", stage="apply", hint="Free some space."))
    report.fail(host_report.ROLLBACK_FAILED, NetoptError("the cable is cut", stage="restore"))
    result = host_report.as_result(report, diff_mode=False)
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["msg"] == "the disk is full. Free some space."
    assert result["report"]["status"] == "rollback_failed"
    assert result["report"]["warnings"] == ["the cable is cut"]


def test_deliberate_rollback_is_no_failure() -> None:
    """A host that was rolled back because somebody asked for it has not failed."""
    assert "failed" not in host_report.as_result(
        host_report.HostReport(status=host_report.ROLLED_BACK), diff_mode=False
    )


def test_defect_tells_its_place() -> None:
    """An unforeseen exception is told with the line it comes from, and not as a traceback."""
    with pytest.raises(KeyError) as raised:
        {}["x"]
    told = host_report.defect(raised.value, stage="apply")
    assert "KeyError" in told.message
    assert "(_common/test_report.py:" in told.message
    assert "\n" not in told.message


def header(status: str, confirm_by: float | None, ends_at: float | None) -> Header:
    """Return a header with its times."""
    return Header(id="x", sequence=1, created="", boot_id="", status=status, confirm_by=confirm_by, ends_at=ends_at)


@pytest.mark.parametrize(
    ("status", "confirm_by", "ends_at", "expected"),
    [
        ("armed", None, None, 0.0),
        ("applied", 9.0, None, 9.0),
        ("applied", 9.0, 5.0, 5.0),
        ("confirmed", None, None, None),
        ("confirmed", 9.0, None, None),
        ("confirmed", 9.0, 12.0, 12.0),
        ("rolled_back", 9.0, 12.0, None),
        ("restore_failed", None, None, None),
        ("snapshot", None, None, None),
    ],
)
def test_due(status: str, confirm_by: float | None, ends_at: float | None, expected: float | None) -> None:
    """An interrupted change is due at once, an applied one at its first time, a finished one never."""
    assert expected == due(header(status, confirm_by, ends_at))


@pytest.mark.parametrize(
    ("status", "ends_at", "expected"),
    [
        ("armed", None, None),
        ("snapshot", None, None),
        ("confirmed", 5.0, {"tc": "with", "nft": "n"}),
        ("confirmed", None, {"tc": "without", "nft": "n"}),
    ],
)
def test_set_by(status: str, ends_at: float | None, expected: dict[str, str] | None) -> None:
    """What a change set is what it left in force: without the time-boxed part once that has ended."""
    content = Content(scopes={}, before={}, after={"tc": "with", "nft": "n"}, ending={"tc": "without"})
    assert expected == set_by(header(status, None, ends_at), content)


def test_long_reports_are_shortened_once() -> None:
    """Of each subsystem the first differences are told, and how many more there are; twice is the same as once."""
    report = host_report.HostReport()
    report.differs(Change("tc", f"eth0 class 1:{number:x}", None, "htb") for number in range(1000))
    report.differs([Change("sysctl", "net.ipv4.ip_forward", "0", "1")])
    told = report.as_dict()["diff"]
    assert len(told) == host_report.SHOWN + 2
    assert told[host_report.SHOWN] == {
        "subsystem": "tc",
        "key": "and more: 800",
        "before": "0 values",
        "after": "800 values",
    }
    assert host_report.HostReport(diff=told).as_dict()["diff"] == told
