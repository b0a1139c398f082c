# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What plans have set on a host: sections, which plan each is of, and what was there before. Pure.

A *section* is the unit in which plans are kept side by side: one kernel parameter, one offload, ring or other setting
of the queues of some interfaces, or another field of ``changes`` for some interfaces.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Dict, Mapping, Tuple

from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._plan.feature_names import long_name
from .._plan.fields import BY_KEY
from .._plan.nic_words import BY_NAME, RFS_ENTRIES, RFS_KEY, flat, power_of_two
from .._plan.routes import ROUTES, said_of
from .._sysctl.keys import canonical as canonical_key
from .._sysctl.keys import normal
from .._sysctl.side_effects import ONE_SETTING
from .large import INLINE_MAX, MARK, Large, canonical, plain, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

UNNAMED = ""  # the plan without a name
SYSCTL, OFFLOADS = BY_KEY  # each of their keys is a section of its own
HTB, DEFAULT_CLASS = "htb_classes", "default_class"
SIDE_BY_SIDE = ("dscp", "connection_limits", "rate_limits", "nat_rules")  # lists of rules: those of all plans count
TRACKING = "connection_tracking"
_EVERY = {ROUTES: ""}  # the key that stands for all keys of a field
TRACKING_RULES = ("accept_established", "drop_invalid")  # its other keys are kernel parameters, of the whole host


@dataclass(frozen=True)
class Section:
    """What one plan says of one section.

    Attributes:
        plan: the plan's name, ``UNNAMED`` for the one without.
        field: the field of ``changes``.
        key: the kernel parameter, the offload, the flat name of a setting of queues, or a route's network and word;
            empty for other fields.
        ifaces: the interfaces as the host calls them; none for kernel parameters.
        value: what the plan says, or where that is kept, see ``said``.
        checkpoint: the change that set it.
        persist: whether it is there again after a restart.
    """

    plan: str
    field: str
    key: str
    ifaces: Tuple[str, ...]
    value: Any
    checkpoint: str = ""
    persist: bool = False

    @property
    def path(self) -> str:
        """Where in a plan it stands, e.g. ``changes.sysctl.net.core.somaxconn``."""
        return f"changes.{self.field}.{self.key}" if self.key else f"changes.{self.field}"

    @property
    def said(self) -> Any:
        """What the plan says; of ``htb_classes`` an object with the default class beside the classes."""
        return plain(self.value)

    def says_as(self, other: Section) -> bool:
        """Return whether two sections say the same of the same."""
        mine, theirs = (replace(one, value=None, checkpoint="", persist=False) for one in (self, other))
        return mine == theirs and _same_value(self.value, other.value)


def _same_value(one: Any, other: Any) -> bool:
    """Return whether two values say the same; what has a file of its own is read only where its name does not tell."""
    if isinstance(one, Large) and isinstance(other, Large):
        return one == other
    for large, value in ((one, other), (other, one)):
        if isinstance(large, Large) and large.sha256 == sha256_of(canonical(value)):
            return True
    return bool(_as_text(plain(one)) == _as_text(plain(other)))


def _as_text(value: Any) -> Any:
    """Return a value with numbers as text: a port and a kernel parameter may be written either way."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_text(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@dataclass(frozen=True)
class InForce:
    """The plans in force on a host.

    Attributes:
        sections: what they say, in the order in which it was said.
        plans: by name ``{"digest", "checkpoint", "since", "by"}`` of the change that set it last.
        origins: ``{subsystem: {claim: origin}}``: what was there before any plan set it, see ``origin.py`` of each.
    """

    sections: Tuple[Section, ...] = ()
    plans: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def written(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the record as JSON can carry it, and its large values by their SHA-256: as they are, or ``Large``."""
        large: dict[str, Any] = {}

        def short(value: Any) -> Any:
            if isinstance(value, Large):
                large[value.sha256] = value
                return {MARK: value.sha256}
            text = canonical(value)
            if len(text) <= INLINE_MAX:
                return value
            name = sha256_of(text)
            large[name] = value
            return {MARK: name}

        sections = [{**vars(one), "ifaces": list(one.ifaces), "value": short(one.value)} for one in self.sections]
        origins = {
            name: {claim: short(origin) for claim, origin in claims.items()} for name, claims in self.origins.items()
        }
        return {"sections": sections, "plans": dict(self.plans), "origins": origins}, large

    @classmethod
    def read(cls, found: Mapping[str, Any], path_of: Callable[[str], str], load: Callable[[str], Any]) -> InForce:
        """Return the record that ``written`` gave.

        Args:
            found: the first part of it.
            path_of: gives the path of the file that holds a large value, by its SHA-256.
            load: reads such a file.
        """

        def whole(value: Any) -> Any:
            if isinstance(value, dict) and value.keys() == {MARK}:
                return Large(value[MARK], path_of(value[MARK]), load)
            return value

        sections = tuple(
            Section(**{**one, "ifaces": tuple(one["ifaces"]), "value": whole(one["value"])})
            for one in found["sections"]
        )
        origins = {
            name: {claim: whole(origin) for claim, origin in claims.items()}
            for name, claims in found["origins"].items()
        }
        return cls(sections, found["plans"], origins)

    def names(self) -> list[str]:
        """Return the names of the plans that say anything, in order; ``UNNAMED`` first."""
        return sorted({one.plan for one in self.sections})

    def of(self, plan: str) -> list[Section]:
        """Return the sections of one plan."""
        return [one for one in self.sections if one.plan == plan]


def sections_of(changes: Mapping[str, Any], ifaces: Tuple[str, ...], plan: str) -> list[Section]:
    """Return what a plan's changes say, section by section; ``None``, ``[]`` or ``{}`` takes a section away.

    Args:
        changes: as they fit the host; null where a plan says so.
        ifaces: the plan's interfaces as the host calls them.
        plan: its name, ``UNNAMED`` where it has none.
    """
    found = []
    for name, value in changes.items():
        if name == SYSCTL:
            keys = {key: ONE_SETTING.get(canonical_key(key), canonical_key(key)) for key in value or {}}
            found += [Section(plan, name, keys[key], (), said) for key, said in (value or {}).items()]
        elif name == OFFLOADS:
            found += [Section(plan, name, long_name(key), ifaces, said) for key, said in (value or {}).items()]
        elif name in BY_NAME:
            found += [_of_queues(plan, name, key, ifaces, said) for key, said in flat(name, value).items()]
        elif name == ROUTES and value:
            found += [Section(plan, name, f"{network} {word}", ifaces, said) for network, word, said in said_of(value)]
        elif name == DEFAULT_CLASS:
            if HTB not in changes:
                found.append(Section(plan, HTB, "", ifaces, {name: value} if value else None))
        elif name == HTB:
            default = {DEFAULT_CLASS: changes[DEFAULT_CLASS]} if changes.get(DEFAULT_CLASS) else {}
            found.append(Section(plan, name, "", ifaces, {name: value, **default} if value else None))
        else:
            found.append(Section(plan, name, "", ifaces, value))
    _refuse_two_values(found)
    return found


def _of_queues(plan: str, name: str, key: str, ifaces: Tuple[str, ...], said: Any) -> Section:
    """Return what a plan says of one setting of queues; the entries of RFS are a kernel parameter of the host."""
    if key == RFS_ENTRIES:
        return Section(plan, SYSCTL, RFS_KEY, (), said if said is None else power_of_two(said))
    return Section(plan, name, key, ifaces, said)


def _refuse_two_values(found: Iterable[Section]) -> None:
    """Refuse a plan that sets a kernel parameter by two of its names, or by a field too, and not to the same.

    Raises:
        NetoptError: names both values.
    """
    said: Dict[str, str] = {}
    for one in found:
        text = normal(str(one.value))
        if one.field == SYSCTL and said.setdefault(one.key, text) != text:
            also = f"steering.{RFS_ENTRIES}" if one.key == RFS_KEY else _other_name(one.key)
            raise NetoptError(
                f"{also} and sysctl.{one.key} disagree: they are one setting",
                stage="plan",
                key=one.key,
                wanted=f"{said[one.key]} and {text}",
                hint="Keep one of the two.",
            )


def _other_name(key: str) -> str:
    return next((f"sysctl.{other}" for other, name in ONE_SETTING.items() if name == key), f"sysctl.{key}")


def put(record: InForce, plan: str, said: Iterable[Section], about: Mapping[str, Any]) -> InForce:
    """Return the record once a plan is applied: one with a name replaces itself, one without sets what it names.

    What it says as before stays the change's that said it first. Origins are left for ``Composition.record``.

    Args:
        record: what is in force.
        plan: the name.
        said: the plan's sections, with empty ones where it takes something away.
        about: what is noted of the plan, see ``InForce.plans``.
    """
    wanted = list(said)
    if plan != UNNAMED:
        kept = [one for one in record.sections if one.plan != plan]
    else:
        kept = [left for one in record.sections for left in _without(one, wanted)]
    new = [_as_before(one, record) for one in wanted if one.value not in (None, [], {})]
    sections = (*kept, *new)
    same = len(sections) == len(record.sections) and all(one in record.sections for one in sections)
    known = record.plans.get(plan, {}).get("digest")
    if same and (plan == UNNAMED or about.get("digest") in (None, known)):
        return record
    plans = {**record.plans, plan: about}
    return _cleaned(replace(record, sections=sections, plans=plans))


def _without(one: Section, wanted: list[Section]) -> list[Section]:
    """Return what is left of a section of the plan without a name once that says something new."""
    if one.plan != UNNAMED:
        return [one]
    over = [other for other in wanted if other.field == one.field and other.key in (one.key, _EVERY.get(one.field))]
    if not over:
        return [one]
    if not one.ifaces:
        return []
    left = tuple(name for name in one.ifaces if all(name not in other.ifaces for other in over))
    anew = {key for other in over for key in of_host(other)}
    value = {key: said for key, said in one.said.items() if key not in anew} if anew else one.value
    return [replace(one, ifaces=left, value=value)] if left and value else []


def of_host(one: Section) -> dict[str, Any]:
    """Return what a section of connection tracking says of the whole host, whichever its interfaces are."""
    if one.field != TRACKING:
        return {}
    return {key: value for key, value in (one.said or {}).items() if key not in TRACKING_RULES}


def _as_before(one: Section, record: InForce) -> Section:
    """Return a section as it is in force already, where it is."""
    held = next((other for other in record.sections if one.says_as(other)), None)
    if held is None or (one.persist and not held.persist):
        return one
    return held


def without_plan(record: InForce, plan: str) -> InForce:
    """Return the record once a plan is taken away."""
    return _cleaned(replace(record, sections=tuple(one for one in record.sections if one.plan != plan)))


def without_field(record: InForce, name: str, checkpoints: Iterable[str] | None = None) -> InForce:
    """Return the record without a field, of some changes alone where these are given."""
    gone = None if checkpoints is None else set(checkpoints)
    kept = [one for one in record.sections if one.field != name or (gone is not None and one.checkpoint not in gone)]
    return _cleaned(replace(record, sections=tuple(kept)))


def _cleaned(record: InForce) -> InForce:
    """Return a record without notes on plans that say nothing any more."""
    names: Dict[str, Any] = {one.plan: None for one in record.sections}
    return replace(record, plans={name: told for name, told in record.plans.items() if name in names})
