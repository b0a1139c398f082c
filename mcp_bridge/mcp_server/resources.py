# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resources of the MCP server: the policy, the schemas, the inventory and the runs, all as JSON."""

from __future__ import annotations

import functools
import json
import logging
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import ResourceError
from pydantic import BaseModel

from mcp_bridge import untrusted_text
from mcp_bridge.access import visibility
from mcp_bridge.backends import inventory
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.mcp_server.tools.bounded_report import told
from mcp_bridge.mcp_server.tools.plan_schema import ONE_AT_A_TIME
from mcp_bridge.models import SCHEMAS
from mcp_bridge.service import Service

JSON = "application/json"
RUNS_SHOWN = 50
CARDS = (
    "The settings that may be tuned; policy://config_cards/{card_id} has each whole, with all of its keys. "
    "What has no card is refused."
)
KEYS_SHOWN = 2  # of a card, in the list of all cards: there are hundreds of them


def register(server: FastMCP[Any], service: Service) -> None:
    """Add the resources."""
    _register_policy(server, service)
    _register_runs(server, service)

    @server.resource("schema://{model}", title="JSON schema of a model", mime_type=JSON)
    def schema(model: str) -> str:
        """Give the JSON schema of a model: ParameterPlan, RenderedPlan, ChangeReport and others."""
        found = _named(SCHEMAS, model, what="model")
        return _schema(found)

    @server.resource("schema://{model}/{part}", title="One part of a model's JSON schema", mime_type=JSON)
    def schema_part(model: str, part: str) -> str:
        """Give one definition of a model's schema, such as schema://ParameterPlan/Netem: the schema in pages."""
        found = json.loads(_schema(_named(SCHEMAS, model, what="model")))
        return _json(_named(found.get("$defs", {}), part, what=f"part of {model}"))

    @server.resource("inventory://hosts", title="Hosts of the inventory", mime_type=JSON)
    def hosts() -> str:
        """List the hosts of the inventory, with their groups and addresses."""
        try:
            return _json(visibility.open_hosts(inventory.read(service.settings.inventory)))
        except NetoptBridgeError as error:
            raise _refused(str(error)) from None


def _register_runs(server: FastMCP[Any], service: Service) -> None:
    @server.resource("runs://list", title="Latest runs", mime_type=JSON)
    def runs() -> str:
        """List the latest runs, newest first."""
        return _json(visibility.own_runs(service.fleet().runs.latest(limit=RUNS_SHOWN)))

    @server.resource("runs://{run_id}", title="One run and its outcome", mime_type=JSON)
    def run(run_id: str) -> str:
        """Give one run and what came of it, in bounded length; runs://{run_id}/hosts/{name} has each host whole."""
        registry = service.fleet().runs
        try:
            return _json({"run": registry.get(run_id), "result": told(registry.result(run_id))})
        except NetoptBridgeError as error:
            raise _refused(str(error)) from None

    @server.resource("runs://{run_id}/hosts/{name}", title="One host's outcome in a run", mime_type=JSON)
    def host(run_id: str, name: str) -> str:
        """Give what came of a run on one host, whole."""
        try:
            hosts = (service.fleet().runs.result(run_id) or {}).get("hosts") or {}
        except NetoptBridgeError as error:
            raise _refused(str(error)) from None
        if name not in hosts:
            raise _refused(f"The run {run_id} has no report of a host {name!r}. {len(hosts)} hosts have one.")
        return _json({"host": name, "run_id": run_id, "report": hosts[name], "note": untrusted_text.NOTE})


def _register_policy(server: FastMCP[Any], service: Service) -> None:
    @server.resource("policy://config_cards/list", title="Settings that may be tuned", mime_type=JSON)
    def cards() -> str:
        """List the settings that may be tuned, as {description, count, cards}: id, name, purpose, first sysctl keys."""
        cards = [
            {
                **{key: getattr(card, key) for key in ("id", "name", "purpose")},
                **({"keys": card.covered[:KEYS_SHOWN]} if card.covered else {}),
                **({"more_keys": len(card.covered) - KEYS_SHOWN} if card.covered[KEYS_SHOWN:] else {}),
            }
            for card in service.policy.cards.values()
        ]
        return _json({"description": CARDS, "count": len(cards), "cards": cards})

    @server.resource("policy://config_cards/{card_id}", title="One setting", mime_type=JSON)
    def card(card_id: str) -> str:
        """Give one setting whole: use cases, impact, parameters, risk, effect and sources."""
        return _json(_named(service.policy.cards, card_id, what="card"))

    @server.resource("policy://profiles/list", title="Profiles", mime_type=JSON)
    def profiles() -> str:
        """List the profiles: name, description and objectives."""
        shown = ("name", "description", "objectives")
        return _json([{key: getattr(profile, key) for key in shown} for profile in service.policy.profiles.values()])

    @server.resource("policy://profiles/{name}", title="One profile", mime_type=JSON)
    def profile(name: str) -> str:
        """Give one profile whole: objectives, values, cards, validation and sources."""
        return _json(_named(service.policy.profiles, name, what="profile"))

    @server.resource("policy://rules", title="Rules for adapting and combining", mime_type=JSON)
    def rules() -> str:
        """Give the rules: how profiles adapt to hosts, and what may not be combined."""
        return _json(service.policy.rules)

    @server.resource("policy://limits", title="Limits of values and plans", mime_type=JSON)
    def limits() -> str:
        """Give the limits: ranges of values, and how large a plan may be."""
        policy = service.policy
        return _json({"limits": policy.limits, "validation_limits": policy.validation_limits})

    @server.resource("policy://limits/{part}", title="Limits of one kind of change", mime_type=JSON)
    def limits_part(part: str) -> str:
        """Give the ranges of one kind of change, such as policy://limits/netem: the limits in pages."""
        parts: dict[str, dict[str, Any]] = {}
        for path, bounds in service.policy.limits.ranges.items():
            parts.setdefault(path.partition(".")[0].partition("[")[0], {})[path] = bounds
        return _json({"ranges": _named(parts, part, what="kind of change with limits")})


def _refused(text: str) -> ResourceError:
    return ResourceError(text, log_level=logging.DEBUG)  # the client's doing, not the server's


def _named(things: dict[str, Any], name: str, *, what: str) -> Any:
    if name not in things:
        raise _refused(f"There is no {what} {name!r}. There are: {', '.join(sorted(things))}.")
    return things[name]


def _schema(model: type[BaseModel]) -> str:
    """Return a model's schema as JSON; making a large one takes a third of a second."""
    with ONE_AT_A_TIME:
        return _schema_text(model)


@functools.cache
def _schema_text(model: type[BaseModel]) -> str:
    return _json(model.model_json_schema())


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} has no JSON form")
