# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt_checkpoint does: write a state down; list, restore, confirm, extend, accept, verify, remove them."""

from __future__ import annotations

import os
import time
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._checkpoint import undone_ahead
from .._checkpoint.model import (
    APPLIED,
    ARMED,
    CONFIRMED,
    PENDING,
    ROLLED_BACK,
    SNAPSHOT,
    Content,
    Header,
    check_id,
    check_timeout,
)
from .._checkpoint.store import Store, boot_id, new_id, now_utc
from .._common import report as host_report
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._common.report import HostReport
from .._common.signals import interrupts_raise, interrupts_wait
from .._host.commands import Tools
from .._host.lock import RUN_DIR, holder, host_lock, lock_path, start_time
from .._lifecycle.confirm import confirm
from .._lifecycle.rollback import roll_back
from .._plan.nic_words import GROUPS, OF_LINK
from .._subsystems.restore import RESTORE
from .._subsystems.table import TABLE
from .._sysctl.keys import for_interfaces, refuse_secrets
from .._sysctl.side_effects import IPV6_FORWARD, is_forwarding, resets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LOCK_WAIT_S = 30.0
SNAPSHOTS_MAX = 20  # as many as retention leaves of changes
SNAPSHOT_BYTES_MAX = 256 << 20


@dataclass(frozen=True)
class Request:
    """What is asked of the checkpoints of this host.

    Attributes:
        state: ``present``, ``restored``, ``confirmed``, ``extended``, ``accepted``, ``verified``, ``absent``,
            ``listed`` or ``plans``.
        id: the checkpoint; ``None`` to make one up (``present``) or to mean all (``listed``, ``verified``).
        label: what a person calls it.
        ifaces: interfaces whose MTU, offloads and queueing disciplines are written down; ``auto`` is allowed.
        sysctl: keys that are written down.
        nft: whether table ``inet netopt`` is written down.
        on_conflict: ``restore`` or ``keep`` what somebody else has changed since.
        confirm_timeout_s: seconds from now in which the change has to be confirmed, for ``extended``.
        check: say what would be done, and do nothing.
    """

    state: str
    id: str | None = None
    label: str | None = None
    ifaces: tuple[str, ...] = ()
    sysctl: tuple[str, ...] = ()
    nft: bool = True
    on_conflict: str = RESTORE
    confirm_timeout_s: float | None = None
    check: bool = False


@dataclass
class Outcome:
    """What came of a request: the report, the checkpoints it was about, and what differs from them where asked.

    ``changing`` is what is being done to the host at this moment, and ``kept`` what was reported of the one checkpoint
    that was asked for, for ``listed``. ``plans`` are those in force, for ``plans``.
    """

    report: HostReport = field(default_factory=HostReport)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    drift: list[dict[str, Any]] | None = None
    plans: list[dict[str, Any]] | None = None
    changing: str | None = None
    kept: HostReport | None = None


def run(request: Request, *, store: Store | None = None, run_dir: str = RUN_DIR) -> Outcome:
    """Carry out one request. Nothing is raised."""
    outcome = Outcome()
    store = store or Store()
    act = _ACTIONS[request.state]
    try:
        with interrupts_raise():
            _check(request, outcome)
            if request.check or request.state in ("listed", "plans"):
                act(request, store, Tools(), outcome)
            else:
                purpose = f"netopt_checkpoint, {request.state} {request.id or ''}".rstrip()
                with host_lock(purpose, wait_s=LOCK_WAIT_S, directory=run_dir) as lock:
                    tools = Tools(keep_open=(lock,))
                    act(request, store, tools, outcome)
                    outcome.report.warnings.extend(tools.warnings)
    except NetoptError as error:
        bad = host_report.ROLLBACK_FAILED if request.state == "restored" else host_report.FAILED
        outcome.report.fail(bad, error)
    except Exception as error:  # noqa: BLE001 - a module reports, whatever happens to it
        outcome.report.fail(host_report.FAILED, host_report.defect(error, stage="checkpoint"))
    return outcome


def _check(request: Request, outcome: Outcome) -> None:
    """Refuse a request whose id is missing or can name nothing."""
    if request.id is not None:
        outcome.report.checkpoint_id = check_id(request.id)
    elif request.state not in ("present", "listed", "plans", "verified"):
        raise NetoptError(f"state {request.state} needs an id", stage="checkpoint", key="id")


def _change(outcome: Outcome, request: Request) -> None:
    """Mark the report as changed, or as one that would be."""
    outcome.report.changed = True
    outcome.report.status = host_report.WOULD_CHANGE if request.check else host_report.APPLIED


def _unknown(request: Request, store: Store, outcome: Outcome) -> bool:
    """Say whether this host has no such checkpoint, which is no failure: the change did not concern it."""
    if request.id is not None and store.exists(request.id):
        return False
    outcome.report.status = host_report.SKIPPED
    outcome.report.skipped.append(
        {"key": request.id or "", "reason": "this host has no such checkpoint: the change altered nothing here"}
    )
    return True


def _describe(header: Header) -> dict[str, Any]:
    """Return a checkpoint as a list shows it."""
    maker = header.maker
    alone = header.status == ARMED and start_time(maker.get("pid", 0)) != maker.get("started")
    return {
        "id": header.id,
        "label": header.label,
        "created": header.created,
        "status": header.status,
        "digest": header.digest,
        "note": "interrupted; the next change or a rollback undoes it" if alone else header.note,
        "this_boot": header.boot_id == boot_id(),
        "time_boxed": header.ends_at is not None,
        "confirm_in_s": _left(header) if header.status == APPLIED else None,
    }


def _left(header: Header) -> float:
    """Return the seconds that are left to confirm a change, 0 when its time is up."""
    return round(max(0.0, (header.confirm_by or 0.0) - time.monotonic()), 1)


def _deadline(header: Header) -> str:
    """Return until when a change is to be confirmed, by the host's clock, and how long that is."""
    left = _left(header)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + left))
    return f"{at}, {left:.0f} s from now"


def _changing() -> str | None:
    """Return what the holder of the host's lock does, without touching the lock: an apply does not wait for it."""
    other = holder()
    if other is None or not other.holds():
        return None
    try:
        inode = os.stat(lock_path()).st_ino
        with open("/proc/locks", encoding="ascii") as stream:
            locks = [line.split() for line in stream]
    except OSError:
        return None
    # proc_locks(5); one that waits has "->" in the second place
    held = any(fields[1] == "FLOCK" and fields[5].endswith(f":{inode}") for fields in locks if len(fields) > 5)
    return other.purpose if held else None


def _listed(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    del tools
    headers = [header for header in store.headers() if request.id in (None, header.id)]
    outcome.checkpoints = [_describe(header) for header in headers]
    outcome.changing = _changing()
    if request.id is not None:
        outcome.kept = store.report(request.id)
    outcome.report.warnings += [
        f"The checkpoint {identity} is damaged and cannot be restored." for identity in store.damaged()
    ]


def _plans(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    del request, tools
    from .._plans.in_force import plans_in_force  # noqa: PLC0415 - the others do without
    from .._plans.listing import listed  # noqa: PLC0415

    outcome.plans = listed(plans_in_force(store))


def _present(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    identity = request.id or new_id()
    outcome.report.checkpoint_id = identity
    if store.exists(identity):
        outcome.checkpoints = [_describe(store.header(identity))]
        return
    _refuse_many(store)
    scopes = _scopes(request)
    before = {name: TABLE[name].kernel.observe(scope, tools) for name, scope in scopes.items()}
    _change(outcome, request)
    if request.check:
        return
    from .._transport.restore_archive import restore_archive  # noqa: PLC0415 - the others do without

    header = Header(
        id=identity,
        sequence=store.next_sequence(),
        created=now_utc(),
        boot_id=boot_id(),
        status=SNAPSHOT,
        label=request.label,
    )
    running = [other.id for other in store.headers() if other.ends_at is not None and other.boot_id == boot_id()]
    if running and "tc" in before:
        from .._tc.undumped import recalled  # noqa: PLC0415 - most snapshots are of hosts without impairments

        for other in running:
            before["tc"] = recalled(before["tc"], store.content(other).after.get("tc") or {"interfaces": {}})
    store.create(header, Content(scopes=scopes, before=before), restore_archive())
    if running and "tc" in scopes:
        outcome.report.warnings.append(
            f"{identity} may hold the impairment of {', '.join(running)}, which would not end by itself when restored."
        )
    outcome.checkpoints = [_describe(header)]


def _refuse_many(store: Store) -> None:
    """Refuse a snapshot where there are many: nothing but a person takes one away, and anybody may take one.

    Raises:
        NetoptError: there are as many as may be, or they take as much room.
    """
    names = [header.id for header in store.headers() if header.status == SNAPSHOT]
    size = sum(entry.stat().st_size for name in names for entry in os.scandir(store.path(name)))
    if len(names) < SNAPSHOTS_MAX and size < SNAPSHOT_BYTES_MAX:
        return
    raise NetoptError(
        f"This host keeps {len(names)} snapshots of {size >> 20} MB; {SNAPSHOTS_MAX} and {SNAPSHOT_BYTES_MAX >> 20} MB"
        " are the most",
        stage="checkpoint",
        key=names[0],
        hint="Forget those that nobody needs: netopt checkpoints --delete CHECKPOINT.",
    )


def _scopes(request: Request) -> dict[str, Any]:
    """Return what is to be looked at, by subsystem."""
    from .._common.interfaces import host_interfaces  # noqa: PLC0415
    from .._host.facts import gather  # noqa: PLC0415 - the others do without

    found: dict[str, Any] = {}
    ifaces = list(host_interfaces(request.ifaces, gather())) if request.ifaces else []
    if request.sysctl:
        found["sysctl"] = _sysctl_scope(request.sysctl, ("all", "default", *ifaces))
    if request.ifaces:
        queues = {"nic": [*GROUPS, *OF_LINK], "steering": True}
        found["link"] = {"ifaces": ifaces, "ipv6": True, "features": True, **queues}
        found["route"] = {"ifaces": ifaces, "networks": ["*"]}
        found["tc"] = {"ifaces": ifaces}
    if request.nft:
        found["nft"] = {}
    return {name: found[name] for name in TABLE if name in found}


def _sysctl_scope(named: Iterable[str], places: Sequence[str]) -> dict[str, Any]:
    """Return the scope of keys, with those that restoring them may reset; ``{iface}`` stands for the places."""
    keys = list(for_interfaces(dict.fromkeys(named), places))
    refuse_secrets(keys)
    every = dict.fromkeys(keys + [other for key in keys for other in resets(key)])
    forwarding = any(is_forwarding(key) for key in keys)
    return {"keys": list(every), "modules": [], "lro": forwarding, "ra": IPV6_FORWARD in keys}


def _refuse_later(request: Request, store: Store, outcome: Outcome) -> None:
    """Have the host refuse a change that is under way elsewhere and has not come here yet."""
    if request.check:
        return
    try:
        undone_ahead.refuse(store.state_dir, request.id or "")
    except OSError as problem:
        outcome.report.warnings.append(f"Should {request.id} come to this host later, it is taken: {problem.strerror}")


def _restored(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    if _unknown(request, store, outcome):
        _refuse_later(request, store, outcome)
        return
    identity = request.id or ""
    report = outcome.report
    header = store.header(identity)
    if header.status == ROLLED_BACK:
        report.warnings.append(f"{identity} is rolled back already.")
        outcome.checkpoints = [_describe(header)]
        return
    with interrupts_wait():
        undone = roll_back(store, identity, tools, on_conflict=request.on_conflict, check=request.check)
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for one in undone:
        _report_one(one.id, one.restored.conflicts, request, report)
        report.operations.extend(one.restored.operations)
        for change in one.restored.diff:  # in the chain, the oldest state is the one that is left in the end
            first = seen.setdefault((change.subsystem, change.key), change.as_dict())
            first["after"] = change.after
    newer = [one.id for one in undone if one.id != identity]
    if newer:
        words = "would be undone first" if request.check else "were undone first"
        report.warnings.append(f"Changes made after {identity} {words}: {', '.join(newer)}.")
    report.diff = [change for change in seen.values() if change["before"] != change["after"]]
    if report.diff or header.status in (*PENDING, CONFIRMED):
        _change(outcome, request)
        report.changed = bool(report.diff)
        if not report.diff:
            report.status = host_report.UNCHANGED
        elif not request.check:
            report.status = host_report.ROLLED_BACK
    errors = [error for one in undone for error in one.restored.failures]
    for error in errors:
        report.fail(host_report.ROLLBACK_FAILED, error)
    outcome.checkpoints = [_describe(store.header(one.id)) for one in undone]


def _report_one(identity: str, conflicts: Iterable[Any], request: Request, report: HostReport) -> None:
    """Report by name what somebody else has changed since."""
    for change in conflicts:
        if request.on_conflict == RESTORE:
            report.warnings.append(
                f"{change.key} was changed by somebody else after {identity}: it was {change.before}"
            )
        else:
            report.skipped.append(
                {"key": change.key, "reason": f"changed by somebody else after {identity}, kept as asked"}
            )


def _confirmed(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    if _unknown(request, store, outcome):
        return
    identity = request.id or ""
    with interrupts_wait():
        if confirm(store, identity, tools, check=request.check):
            outcome.report = store.report(identity) or outcome.report
            _change(outcome, request)
    outcome.report.checkpoint_id = identity
    outcome.checkpoints = [_describe(store.header(identity))]


def _extended(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    if _unknown(request, store, outcome):
        return
    identity, seconds = request.id or "", request.confirm_timeout_s
    if seconds is None:
        raise NetoptError("state extended needs confirm_timeout_s", stage="checkpoint", key="confirm_timeout_s")
    from .._lifecycle.extend import extend  # noqa: PLC0415 - the others do without

    check_timeout(seconds)
    with interrupts_wait():
        done = extend(store, identity, seconds, tools, check=request.check)
    before, after = _deadline(done.before), _deadline(done.after)
    change = {"subsystem": "checkpoint", "key": f"{identity} confirm by", "before": before, "after": after}
    outcome.report.diff.append(change)
    if done.warning:
        outcome.report.warnings.append(done.warning)
    _change(outcome, request)
    outcome.checkpoints = [_describe(done.after)]


def _accepted(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    del tools
    if _unknown(request, store, outcome):
        return
    from .._lifecycle.accept import accept  # noqa: PLC0415 - the others do without

    identity = request.id or ""
    if accept(store, identity, check=request.check):
        _change(outcome, request)
    outcome.checkpoints = [_describe(store.header(identity))]


def _verified(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    if request.id is not None and _unknown(request, store, outcome):
        return
    from .._drift.verify import verify  # noqa: PLC0415 - the others do without

    found = verify(store, tools, identity=request.id)
    outcome.checkpoints = [_describe(header) for header in found.headers]
    outcome.drift = [one.as_dict() for one in found.drift]
    report = outcome.report
    report.warnings += found.warnings
    if not found.headers:
        report.warnings.append("There is nothing to compare with: no confirmed change is in force on this host.")
    for one in found.drift:
        report.diff.append({"subsystem": one.subsystem, "key": one.key, "before": one.found, "after": one.wanted})
        if one.owner:
            report.warnings.append(f"{one.key} is not as it should be: {one.owner}.")
    if found.drift:  # nothing was changed here, so that is no change
        report.status = host_report.WOULD_CHANGE


def _absent(request: Request, store: Store, tools: Tools, outcome: Outcome) -> None:
    del tools
    if not request.check:
        undone_ahead.forget(store.state_dir, request.id or "")
    if _unknown(request, store, outcome):
        outcome.report.status = host_report.UNCHANGED
        return
    identity = request.id or ""
    if identity not in store.damaged():
        header = store.header(identity)
        if header.boot_id == boot_id() and (header.status in PENDING or header.ends_at is not None):
            raise NetoptError(
                f"{identity} is still needed: it is {'not confirmed' if header.status in PENDING else 'time-boxed'}",
                stage="checkpoint",
                key=identity,
                hint="Confirm it or roll it back first.",
            )
        outcome.checkpoints = [_describe(header)]
    _change(outcome, request)
    if not request.check:
        store.remove(identity)


_ACTIONS = {
    "absent": _absent,
    "accepted": _accepted,
    "confirmed": _confirmed,
    "extended": _extended,
    "listed": _listed,
    "plans": _plans,
    "present": _present,
    "restored": _restored,
    "verified": _verified,
}
STATES = tuple(_ACTIONS)
