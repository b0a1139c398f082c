# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan changes. Every field is optional; a field that is absent is left alone on the host.

Null, or an empty list, takes a field away that an earlier plan has set.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mcp_bridge.collection.feature_names import plan_name
from mcp_bridge.collection.nic_words import BY_NAME, flat, nested
from mcp_bridge.collection.route_words import DST, ROUTES

from .base import NO_BOOL, Strict, refusal, set_only
from .firewall import ConnectionLimit, ConnectionTracking, NatRule, RateLimit
from .impairment import Netem
from .nic import Nic, Steering
from .qdisc import Qdisc
from .queues import RootQdisc
from .routes import RouteMetrics
from .scalars import Classid, Feature, SysctlKey, SysctlValue
from .traffic import DscpRule, HtbClass, Shaper


class Ingress(Strict):
    """What arrives, where it is to wait otherwise than what leaves; shaped to ``shaper.ingress_mbit``."""

    qdisc: Qdisc | None = None
    """Queueing discipline; that of what leaves by default."""
    htb_classes: list[HtbClass] | None = None
    """Classes of the root htb."""
    default_class: Classid | None = None
    """Class of packets that no match fits."""

    @model_validator(mode="after")
    def _check(self) -> Ingress:
        if self.qdisc is None and not self.htb_classes:
            raise PydanticCustomError("ingress_empty", "ingress needs a qdisc or htb_classes of its own")
        return self


class Changes(Strict):
    """The settings of a plan."""

    sysctl: dict[SysctlKey, SysctlValue | None] | None = None
    """Kernel parameters, each with a card in the policy. `{iface}`: the plan's interfaces. Null takes one away."""
    qdisc: RootQdisc | None = None
    """Queueing discipline of the interface."""
    shaper: Shaper | None = None
    """Rates of the interface."""
    ingress: Ingress | None = None
    """What arrives, where it is to wait otherwise than what leaves."""
    netem: Netem | None = None
    """Impairments for tests."""
    htb_classes: list[HtbClass] | None = None
    """Classes of the root htb."""
    default_class: Classid | None = None
    """Class of packets that no match fits."""
    dscp: list[DscpRule] | None = None
    """Markings."""
    connection_limits: list[ConnectionLimit] | None = None
    """Concurrent connections per source prefix."""
    rate_limits: list[RateLimit] | None = None
    """New connections per time."""
    connection_tracking: ConnectionTracking | None = None
    """Size and timeouts of connection tracking."""
    nat_rules: list[NatRule] | None = None
    """Address translation."""
    offloads: dict[Feature, bool | None] | None = None
    """Features of the device by the names of ethtool -K. Null takes one away."""
    mtu: Annotated[int, Field(ge=68, le=65_536), NO_BOOL] | None = None
    """Largest packet, bytes."""
    nic: Nic | None = None
    """Queues of the device."""
    steering: Steering | None = None
    """CPUs that work on packets."""
    routes: list[RouteMetrics] | None = None
    """Metrics of routes that exist."""

    @model_validator(mode="after")
    def _check(self) -> Changes:
        networks = [one.dst for one in self.routes or ()]
        twice = next((one for one in networks if networks.count(one) > 1), None)
        if twice:
            raise PydanticCustomError(
                "routes_twice", "routes has {dst} twice; put its metrics together", {"dst": twice}
            )
        return self

    @field_validator("offloads", mode="before")
    @classmethod
    def _once(cls, value: object) -> object:
        """Refuse a feature that is given by two of its names."""
        names = [name for name in value if isinstance(name, str)] if isinstance(value, dict) else []
        found = [plan_name(name) for name in names]
        twice = next((name for name, one in zip(names, found, strict=True) if found.count(one) > 1), None)
        if twice:
            raise refusal("offloads_twice", f"{twice} stands here twice, by two of its names")
        return value

    def dump(self) -> dict[str, Any]:
        """Return the changes as JSON data, without what is not set and what is taken away."""
        found: dict[str, Any] = set_only(super().dump())
        if ROUTES in found:
            found[ROUTES] = [one for one in found[ROUTES] if len(one) > 1]
        return found

    def taken_away(self) -> dict[str, Any]:
        """Return the fields, and the single settings of those that have any, that are null or empty."""
        found: dict[str, Any] = {}
        given = self.dump()
        for field in type(self).model_fields:
            if field not in self.model_fields_set:
                continue
            value = getattr(self, field)
            if field in {"sysctl", "offloads"}:
                keys = {key: None for key, each in (value or {}).items() if each is None}
            elif field in BY_NAME and value is not None:
                said = flat(field, value.model_dump(exclude_unset=True))
                keys = nested({name: None for name, each in said.items() if each is None})
            else:
                keys = {}
                if given.get(field) in (None, {}, []):
                    found[field] = None
            if field == ROUTES and value:
                words = [
                    {DST: one.dst, **{word: None for word in one.model_fields_set if getattr(one, word) is None}}
                    for one in value
                ]
                found.update({field: away} if (away := [one for one in words if len(one) > 1]) else {})
            if keys:
                found[field] = keys
        return found

    def is_empty(self) -> bool:
        """Return whether nothing is set; something may still be taken away."""
        return not any(value not in ({}, []) for value in self.dump().values())
