# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a run: what it groups, what it says, that text of hosts stays text, and that it stays small."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import random
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.errors import RunError
from mcp_bridge.lab.state import Lab
from mcp_bridge.models import ChangeReport
from mcp_bridge.report_page import build, plots, render, source
from mcp_bridge.report_page.content import Page
from mcp_bridge.runs.history import RunHistory
from mcp_bridge.settings import Settings
from tests.bridge.report_page import report_fleet as fleet

MEGABYTE = 1_000_000
HOSTILE = "</style></code><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}$\\frac{a}{b}$"


def page_of(report: ChangeReport, **fields: Any) -> Page:
    """Return what stands on the page of a report."""
    return build.page(fleet.record(report, **fields), report)


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Take note of text."""
        self.text += data


def test_groups_hosts_with_the_same_difference() -> None:
    """Two hundred hosts with two differences come to two blocks, the more common first."""
    changes = page_of(fleet.fleet(200, measured=False)).changes
    assert [len(group.hosts) for group in changes] == [173, 23]
    assert changes[0].hosts[:2] == ["web-002.example.org", "web-003.example.org"]
    assert [entry.model_dump() for entry in changes[0].diff] == fleet.DIFF


def test_tells_what_was_undone_from_what_was_made() -> None:
    """A host that went back has its difference apart from those that keep theirs, the same or not."""
    data = fleet.fleet(12, measured=False).model_dump(mode="json")
    data["hosts"]["web-004.example.org"]["diff"] = fleet.DIFF
    data["hosts"]["web-002.example.org"].update(status="rollback_failed", changed=True)
    page = page_of(ChangeReport.model_validate(data))
    assert [(group.fate, len(group.hosts)) for group in page.changes] == [
        ("made", 5),
        ("made", 2),
        ("half", 1),
        ("undone", 1),
    ]
    text = Elements(render.html(page)).text
    assert "tried and undone on 1 host" in text
    assert "begun and not undone on 1 host" in text


def test_names_each_host_once_in_its_failure() -> None:
    """Every host that did not take the change is in a failure, with what to do about it."""
    page = page_of(fleet.fleet(200, measured=False))
    found = {problem.status: problem for problem in page.problems}
    assert [problem.status for problem in page.problems] == ["failed", "unreachable", "rolled_back", "skipped"]
    assert found["failed"].error is not None
    assert found["failed"].error.hint == fleet.ERROR["hint"]
    assert sum(len(problem.hosts) for problem in page.problems) == 4


def test_tells_verdicts_by_target() -> None:
    """An objective that one host missed names that host; each target has its figures before and after."""
    page = page_of(fleet.fleet(12))
    target = next(one for one in page.targets if one.name == fleet.TARGETS[0])
    assert [(one.metric, one.against, one.missed) for one in target.judgements] == [
        ("p95_ms", "objective", ["web-004.example.org"]),
        ("p95_ms", "before", []),
    ]
    row = target.hosts[0]
    assert row.after["p95_ms"] < row.before["p95_ms"]
    assert [one.kind for one in page.targets] == ["ping", "ping", "tcp", "iperf", "counters"]


def test_shows_the_waves() -> None:
    """A stopped rollout says at which wave and why, and which hosts were not begun."""
    report = fleet.fleet(12, measured=False)
    page = page_of(report)
    assert page.rollout is not None
    assert [wave.status for wave in page.rollout.waves] == ["done", "failed", "not_begun"]
    assert {host.wave for host in page.hosts} == {1, 2, 3}
    text = html.unescape(Elements(render.html(page)).text)
    assert "The rollout was stopped: More than 2 hosts failed" in text
    assert "not passed web-101.example.org failed" in text


@pytest.mark.parametrize(
    ("action", "statuses", "fields", "sentence", "tone"),
    [
        ("apply", ["applied"] * 3, {}, "All 3 hosts hold the change.", "good"),
        ("apply", ["applied"], {}, "The host holds the change.", "good"),
        ("apply", ["would_change", "unchanged"], {"dry_run": True}, "1 of 2 hosts would change;", "good"),
        ("apply", ["applied", "failed"], {"errors": ["x"]}, "1 of 2 hosts holds the change.", "bad"),
        ("apply", ["failed"], {"errors": ["x"]}, "0 of 1 host hold the change.", "bad"),
        ("apply", ["applied", "rollback_failed"], {"errors": ["x"]}, "1 host could not be restored", "bad"),
        ("apply", ["applied", "interrupted"], {"errors": ["x"]}, "1 of 2 hosts holds the change.", "bad"),
        ("rollback", ["rolled_back"] * 2, {}, "All 2 hosts are as before the change.", "good"),
        ("apply", [], {"errors": ["No host matches 'x'"]}, "No host was reached.", "bad"),
    ],
)
def test_says_what_came_of_it(
    action: str, statuses: list[str], fields: dict[str, Any], sentence: str, tone: str
) -> None:
    """One sentence tells how the run ended, and is not taken for good when it is not."""
    chance = random.Random(1)  # noqa: S311 - no secrets
    hosts = {}
    for number, status in enumerate(statuses):
        interrupted = status == "interrupted"  # unchanged, and not because it was so already
        found = fleet.host(chance, "unchanged" if interrupted else status, measured=False)
        hosts[f"host-{number}"] = {**found, "error": fleet.ERROR if interrupted else None}
    known = {"applied": False, "dry_run": False, "run_id": fleet.RUN, "started": fleet.STARTED, "hosts": hosts}
    page = page_of(ChangeReport.model_validate({**known, **fields}), action=action)
    assert page.outcome.sentence.startswith(sentence)
    assert page.outcome.tone == tone
    assert html.escape(page.outcome.sentence) in render.html(page)


def hostile() -> ChangeReport:
    """Return a report in which whatever a host, a plan or a caller can write is markup."""
    data = fleet.fleet(3).model_dump(mode="json")

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {
                (name if key not in {"hosts", "ping", "tcp", "counters"} else f"{name}{HOSTILE}"): spoil(one, name)
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [spoil(one, key if key == "hosts" else "") for one in value]
        free = {"status", "started", "finished", "run_id", "against", "probe", "measure", "on_failure", "confirm"}
        return value + HOSTILE if isinstance(value, str) and key not in free else value

    spoiled = spoil({name: value for name, value in data.items() if name != "rollout"})
    rollout = data["rollout"]
    for wave in rollout["waves"]:
        wave["hosts"] = [name + HOSTILE for name in wave["hosts"]]
        if wave["gate"]:
            wave["gate"]["message"] += HOSTILE
    rollout["reason"] += HOSTILE
    return ChangeReport.model_validate({**spoiled, "rollout": rollout})


def test_markup_of_hosts_is_text() -> None:
    """Whatever hosts, plans and callers write stays text: no element and no attribute comes of it."""
    spoiled = hostile()
    text = render.html(page_of(spoiled, caller=f"cli {HOSTILE}", limit=HOSTILE))
    found = Elements(text)
    clean = Elements(render.html(page_of(fleet.fleet(3))))
    assert found.tags == clean.tags
    assert not found.tags & {"script", "img", "iframe", "object", "embed", "base", "form", "link"}
    assert {name for name, _value in found.attributes} == {name for name, _value in clean.attributes}
    assert not any(name.startswith("on") or name == "style" for name, _value in found.attributes)
    assert found.text.count(HOSTILE) > 40
    assert "{{ 7*7 }}" in found.text


def test_needs_nothing_from_elsewhere() -> None:
    """The page refers to nothing but itself, and its policy allows nothing but its own style sheet."""
    text = render.html(page_of(fleet.fleet(12)))
    found = Elements(text)
    for name, value in found.attributes:
        if name in {"href", "src", "xlink:href", "srcset", "poster", "data", "action"}:
            assert str(value).startswith("#"), (name, value)
    style = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    assert len(style) == 1
    assert "url(" not in style[0]
    assert "@import" not in style[0]
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert ("content", policy) in found.attributes
    ids = [value for name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))


@pytest.mark.long
def test_stays_small() -> None:
    """Two hundred hosts with measurements, and two hundred that each report as much as they can, stay below 5 MB."""
    usual = len(render.html(page_of(fleet.fleet(200))).encode())
    assert usual < 1.5 * MEGABYTE, usual
    data = fleet.fleet(200).model_dump(mode="json")
    for number, one in enumerate(data["hosts"].values()):
        one["diff"] = [
            {"subsystem": "tc", "key": f"class {number}:{entry}", "before": "x" * 900, "after": "<" * 900}
            for entry in range(60)
        ]
        one["operations"] = [{"command": f"tc {number} " + "y" * 99_000, "ok": True, "stderr": "&" * 5000}] * 50
        one["warnings"] = [f"{number} {entry} " + '"' * 500 for entry in range(100)]
        one["skipped"] = [{"key": "k" * 300, "reason": f"{number} {entry}" + "'" * 500} for entry in range(100)]
        one["error"] = {**fleet.ERROR, "message": f"{number}" + "<" * 9000, "after": "&" * 90_000}
    page = page_of(ChangeReport.model_validate(data))
    assert len(page.changes) == 200
    assert all(len(group.diff) + group.left_out == 60 for group in page.changes)
    assert {"failures", "changes", "warnings", "omissions", "steps"} <= page.left_out.keys()
    text = render.html(page)
    assert "Not all of it is here" in text
    assert len(text.encode()) < 5 * MEGABYTE


@pytest.mark.parametrize(
    "found",
    [
        {"ping": "no", "tcp": [1], "iperf": 7, "counters": "x"},
        {"ping": {"a": {"p95_ms": "9", "loss_pct": True, "jitter_ms": float("nan"), "samples_ms": "x"}}},
        {"ping": {"a": {"p95_ms": 1e308, "samples_ms": [None, "x", 1e308]}}, "counters": {"n" * 9000: 3}},
        {"ping": {"a": 3}, "verdicts": [1, {"probe": "ping"}]},
        {"verdicts": "x", "tcp": {"a": {"message": 5, "p50_ms": -1}}},
        {"ping": {"a": {"p95_ms": 0.0, "samples_ms": [0.0]}}, "counters": {str(n): n for n in range(99)}},
    ],
)
def test_copes_with_any_measurement(found: dict[str, Any]) -> None:
    """A host can send anything for a measurement; the page leaves out what is no figure."""
    data = fleet.fleet(4, measured=False).model_dump(mode="json")
    for one in data["hosts"].values():
        one["measurements"] = {"before": found, "after": None}
    text = render.html(page_of(ChangeReport.model_validate(data)))
    assert text.endswith("</html>\n")
    assert len(text) < MEGABYTE


def test_delay_on_a_full_link() -> None:
    """Where throughput was measured, the page has the delay beside its load, before and after."""
    data = fleet.fleet(4, measured=False).model_dump(mode="json")
    for one in data["hosts"].values():
        one["measurements"] = {
            moment: {"ping": {"a": {"p95_ms": 21.0, "loaded_p95_ms": loaded}}}
            for moment, loaded in (("before", 641.0), ("after", 26.0))
        }
    page = page_of(ChangeReport.model_validate(data))
    (target,) = page.targets
    assert target.metrics == ["p95_ms", "loaded_p95_ms"]
    assert (target.hosts[0].before["loaded_p95_ms"], target.hosts[0].after["loaded_p95_ms"]) == (641.0, 26.0)
    shown = Elements(render.html(page)).text
    assert "95th percentile on a full link" in shown
    assert "641" in shown


def test_goes_without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where matplotlib is not installed the page has its tables, and says what to install."""
    monkeypatch.setattr(plots, "available", lambda: False)
    text = render.html(page_of(fleet.fleet(4)))
    assert render.NO_PLOTS in Elements(text).text
    assert "<figure>" not in text
    assert "Figures of" in text


# the command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(settings: Settings) -> Settings:
    """A state folder with a change of twelve hosts, and after it a question."""
    keep(settings, fleet.fleet(12), action="apply")
    keep(settings, {}, action="verify", run_id="20260315T000000Z-000000")
    return settings


def keep(settings: Settings, result: ChangeReport | dict[str, Any] | None, **fields: Any) -> str:
    """Put a run into a state folder as the run itself would; return its id."""
    record = fleet.record(result if isinstance(result, ChangeReport) else fleet.fleet(1, measured=False), **fields)
    folder = settings.runs_dir / record.run_id
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(record.model_dump_json())
    if result is not None:
        data = result.model_dump(mode="json") if isinstance(result, ChangeReport) else result
        (folder / "result.json").write_text(json.dumps(data))
    return record.run_id


def netopt(settings: Settings, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``netopt report`` as a process of its own."""
    known = {"PYTHONPATH": str(COLLECTIONS_ROOT), "NETOPT_STATE_DIR": str(settings.state_dir)}
    return subprocess.run(
        [sys.executable, "-m", "mcp_bridge", "report", *words],
        capture_output=True,
        check=False,
        timeout=120,
        cwd=settings.state_dir.parent,
        env={**os.environ, **known, **environment},
    )


def test_command_writes_the_latest_change(kept: Settings) -> None:
    """Without an id the latest change is taken, not the question after it; the same run gives the same file."""
    done = netopt(kept, PYTHONHASHSEED="1", TZ="UTC")
    assert done.returncode == 0, done.stderr
    name = done.stdout.decode().strip()
    assert name == f"netopt-{fleet.RUN}.html"
    written = (kept.state_dir.parent / name).read_bytes()
    (kept.state_dir.parent / "matplotlibrc").write_text("axes.linewidth: 9\nxtick.direction: in\n", encoding="utf-8")
    again = netopt(kept, fleet.RUN, "-o", "-", PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C")
    assert again.stdout == written
    assert b"<svg" in written


@pytest.mark.parametrize("about", [{"action": "plans"}, {"action": "info"}, {"action": "measure"}, {"dry_run": True}])
def test_the_latest_change_is_one(settings: Settings, about: dict[str, Any]) -> None:
    """Neither a question of any kind nor a dry run is taken for the latest change."""
    wanted = keep(settings, fleet.fleet(2), action="apply")
    keep(settings, fleet.fleet(1), run_id="20260315T000000Z-000000", **{"action": "apply", **about})
    record, _report = source.find(RunHistory(settings, caller="test"), None)
    assert record.run_id == wanted


@pytest.mark.long
def test_the_file_is_its_owners(kept: Settings) -> None:
    """Only its owner reads it, it takes no link's way to another file, and a device is written to."""
    folder = kept.state_dir.parent
    (folder / "precious").write_text("precious", encoding="utf-8")
    (folder / "page.html").symlink_to(folder / "precious")
    done = netopt(kept, "-o", "page.html")
    assert done.returncode == 0, done.stderr
    assert (folder / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert not (folder / "page.html").is_symlink()
    assert (folder / "page.html").stat().st_mode & 0o777 == 0o600
    assert (folder / "precious").read_text(encoding="utf-8") == "precious"
    assert netopt(kept, "-o", "/dev/null").returncode == 0
    assert not Path("/dev/null").is_file()


def test_command_gives_json(kept: Settings) -> None:
    """``--json`` prints what the page shows, and the whole report with it."""
    done = netopt(kept, fleet.RUN, "--json")
    found = json.loads(done.stdout)
    report = fleet.fleet(12)
    assert found == json.loads(json.dumps(build.as_json(page_of(report), report)))
    assert found["report"] == report.model_dump(mode="json")
    assert len(found["hosts"]) == 12
    to_file = netopt(kept, fleet.RUN, "--json", "-o", "run.json")
    assert json.loads((kept.state_dir.parent / to_file.stdout.decode().strip()).read_text()) == found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["20200101T000000Z-000000"], "There is no run '20200101T000000Z-000000'"),
        (["../../etc"], "There is no run '../../etc'"),
        (["20260315T000000Z-000000"], "was a question (verify)"),
        (["-o", "no/such/folder/x.html"], "no/such/folder/x.html: No such file or directory"),
    ],
)
def test_command_refuses_in_a_line(kept: Settings, words: list[str], message: str) -> None:
    """What cannot be reported on is one line, without a traceback."""
    done = netopt(kept, *words)
    assert done.returncode == 1
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_run_that_ended_before_a_host(settings: Settings) -> None:
    """A run that failed before it reached a host has a page that says why."""
    run = keep(settings, {"error": "No host matches 'x'. Name one.", "message": "", "hint": "", "kind": ""})
    record, report = source.find(RunHistory(settings, caller="test"), run)
    text = Elements(render.html(build.page(record, report))).text
    assert "No host was reached." in text
    assert "No host matches 'x'. Name one." in text


def test_run_whose_process_was_killed(settings: Settings) -> None:
    """A run that nobody carries out any more is looked into first; here it had not come to a host."""
    run = keep(settings, None, state="running", finished=None)
    record, report = source.find(RunHistory(settings, caller="test"), run)
    page = build.page(record, report)
    assert page.run.state == "failed"
    assert page.errors == ["The process that carried out the run was killed before it had touched a host"]


def test_nothing_to_report_on(settings: Settings) -> None:
    """An empty state folder, and a report of another version, are errors that say what to do."""
    history = RunHistory(settings, caller="test")
    with pytest.raises(RunError, match="There is no run to report on"):
        source.find(history, None)
    run = keep(settings, {**fleet.fleet(1).model_dump(mode="json"), "novelty": 1})
    with pytest.raises(RunError, match="expected shape: novelty"):
        source.find(history, run)


def test_escapes_of_terminals_do_not_survive(settings: Settings) -> None:
    """Text that was kept by an older version loses what a reader would not see."""
    report = fleet.fleet(1, measured=False).model_copy(update={"notes": ["a\x1b[31mb\u202ec"]})
    run = keep(settings, report, caller="cli \u2066x")
    record, found = source.find(RunHistory(settings, caller="test"), run)
    assert found.notes == ["abc"]
    assert record.caller == "cli x"


@pytest.mark.long
def test_real_run(lab: Lab, settings: Settings, tmp_path: Path) -> None:
    """A rollout on real hosts, with measurements: the page has its wave, what changed, and each host's figures."""
    plan = {
        "iface": "eth0",
        "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 37, "net.ipv4.tcp_low_latency": 1}},
        "validate": {
            "targets": {"ping": [lab.hosts[0].address]},
            "objectives": {"latency_p95_ms": 5000},
            "duration_s": 1,
        },
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    known = {**os.environ, "PYTHONPATH": str(COLLECTIONS_ROOT), "NETOPT_STATE_DIR": str(settings.state_dir)}
    words = ["apply", str(tmp_path / "plan.json"), "-i", str(lab.inventory), "--waves", "100%"]
    applied = subprocess.run(
        [sys.executable, "-m", "mcp_bridge", *words], capture_output=True, check=False, timeout=300, env=known
    )
    assert applied.returncode == 0, applied.stderr
    record, report = source.find(RunHistory(settings, caller="test"), None)
    page = build.page(record, report)
    assert page.outcome.sentence == "All 2 hosts hold the change."
    assert [len(group.hosts) for group in page.changes] == [2]
    assert [entry.after for entry in page.changes[0].diff] == ["37"]
    assert page.rollout is not None
    assert [(wave.status, wave.gate_ok) for wave in page.rollout.waves] == [("done", True)]
    ping = page.targets[0]
    assert (ping.kind, ping.name) == ("ping", lab.hosts[0].address)
    assert [(one.metric, one.judged, one.missed) for one in ping.judgements] == [("p95_ms", 2, [])]
    assert len(ping.samples_before) > 20
    assert all({"p50_ms", "p95_ms", "jitter_ms"} <= row.before.keys() & row.after.keys() for row in ping.hosts)
    assert [skip.key for skip in page.skipped] == ["net.ipv4.tcp_low_latency"]
    text = render.html(page)
    assert text.count('class="plot"') > 1
    subprocess.run(
        [sys.executable, "-m", "mcp_bridge", "rollback", report.checkpoint_id or "", "-i", str(lab.inventory)],
        capture_output=True,
        check=True,
        timeout=300,
        env=known,
    )
