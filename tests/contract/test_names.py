# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that others' clients rely on: none may vanish or be renamed."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastmcp import Client

from mcp_bridge.cli.main import parser
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_NOT_ROLLED_BACK, EXIT_USAGE
from mcp_bridge.mcp_server.server import build
from mcp_bridge.models import SCHEMAS, ChangeReport, HostReport, ParameterPlan, RenderedPlan, ValidationResult
from mcp_bridge.models.changes import Changes
from mcp_bridge.policy import load_policy
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings

COLLECTION = Path(__file__).resolve().parents[2] / "ansible_collections/netopt/linux"

TOOLS = {
    "validate_change_plan_tool": {"parameter_plan"},
    "render_change_plan_tool": {"plan"},
    "plan_from_profile_tool": {"profile", "iface", "hosts", "overrides"},
    "apply_rendered_plan_tool": {
        *("rendered_plan", "checkpoint_label", "hosts", "dry_run", "confirm_timeout_s", "rollout")
    },
    "confirm_change_tool": {"checkpoint_id"},
    "snapshot_checkpoint_tool": {"hosts"},
    "rollback_to_checkpoint_tool": {"checkpoint_id", "hosts"},
    "list_checkpoints_tool": {"hosts"},
    "delete_checkpoint_tool": {"checkpoint_id", "hosts"},
    "verify_drift_tool": {"hosts", "checkpoint_id"},
    "measure_network_tool": {"ping", "tcp", "iperf", "duration_s", "hosts"},
    "run_status_tool": {"run_id"},
    "cancel_run_tool": {"run_id"},
    "list_hosts_tool": {"hosts"},
    "get_audit_log_tool": set(),
    "search_audit_log_tool": {"query"},
    "host_query_tool": {"queries", "hosts"},
    "find_tools_tool": {"query"},
    "call_tool_tool": {"name", "arguments"},
}
QUESTIONS = (
    "ip_info eth_info hostname_ips hostnamectl nmcli_status iwconfig iwlist_scan arp_table ip_neigh ip_route ip_rule"
    " resolvectl_status cat_resolv_conf dig host nslookup ping_host traceroute tracepath ss_summary tc_qdisc_show"
    " tc_class_show tc_filter_show nft_list_ruleset iptables_list sysctl_get kernel_capabilities conntrack_stats"
    " nic_features nic_rings nic_stats link_stats softnet_stats nstat bandwidth_sample host_facts netopt_state"
).split()
RESOURCES = {
    "policy://config_cards/list",
    "policy://profiles/list",
    "policy://rules",
    "policy://limits",
    "inventory://hosts",
    "runs://list",
}
TEMPLATES = {"policy://config_cards/{card_id}", "policy://profiles/{name}", "schema://{model}", "runs://{run_id}"}
CARDS = (
    [
        f"sysctl.{name}"
        for name in (
            "tcp_congestion_control tcp_low_latency tcp_fastopen tcp_timestamps tcp_window_scaling tcp_rmem tcp_wmem"
            " core_rmem_max core_wmem_max tcp_fin_timeout tcp_max_syn_backlog tcp_syncookies netdev_budget"
            " ip_local_port_range default_qdisc ip_forward"
        ).split()
    ]
    + [
        f"tc.{name}"
        for name in "qdisc_type htb_rate htb_ceil htb_priority default_class netem_delay netem_loss".split()
    ]
    + [
        f"iptables.{name}"
        for name in (
            "connection_limiting connection_tracking connection_tracking_size rate_limiting qos_marking nat"
        ).split()
    ]
)
CARD_FIELDS = (
    "id category subcategory name description purpose use_cases impact configuration parameters risk effect sources"
).split()
COMMANDS = {
    "validate": set(),
    "render": set(),
    "apply": {"-i", "-l", "--check", "--diff", "--json"},
    "rollback": {"-i", "-l", "--check", "--diff", "--json"},
    "checkpoints": {"-i", "-l", "--json"},
    "verify": {"-i", "-l", "--json"},
    "measure": {"-i", "-l", "--json"},
    "plan": {"-i", "-l", "--json"},
    "serve": {"--http", "--toolsets"},
    "lab": set(),
}
MODULES = (
    "netopt_sysctl netopt_tc netopt_nft netopt_link netopt_route netopt_checkpoint netopt_apply netopt_info"
    " netopt_probe".split()
)
PLAYBOOKS = "apply confirm rollback verify info snapshot".split()
MODELS: list[tuple[Any, str]] = [
    (ParameterPlan, "name iface profile link changes validation rationale"),
    (
        Changes,
        (
            "sysctl qdisc shaper ingress netem htb_classes default_class dscp connection_limits rate_limits"
            " connection_tracking nat_rules offloads mtu nic steering routes"
        ),
    ),
    (RenderedPlan, "sysctl_cmds tc_script nft_script ethtool_cmds ip_link_cmds plan digest warnings"),
    (ValidationResult, "ok issues normalized_plan"),
    (
        ChangeReport,
        "applied dry_run commands_preview errors checkpoint_id notes run_id plan_digest hosts started finished rollout",
    ),
    (
        HostReport,
        "status changed diff operations skipped warnings checkpoint_id measurements error",
    ),
]


async def _served(settings: Settings) -> tuple[dict[str, set[str]], set[str], set[str]]:
    async with Client(build(Service(settings, caller="test"))) as client:
        tools = {tool.name: set(tool.input_schema.get("properties", {})) for tool in await client.list_tools()}
        resources = {str(resource.uri) for resource in await client.list_resources()}
        templates = {template.uri_template for template in await client.list_resource_templates()}
    return tools, resources, templates


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, set[str]], set[str], set[str]]:
    """What the MCP server offers: tools with their arguments, resources, templates."""
    return asyncio.run(_served(Settings(state_dir=tmp_path_factory.mktemp("state"), toolsets=("all",))))


@pytest.mark.parametrize(("name", "arguments"), TOOLS.items())
def test_tool(served: tuple[dict[str, set[str]], set[str], set[str]], name: str, arguments: set[str]) -> None:
    """The tool is there and takes these arguments."""
    assert arguments <= served[0][name]


@pytest.mark.parametrize("name", QUESTIONS)
def test_discovery_tool(served: tuple[dict[str, set[str]], set[str], set[str]], name: str) -> None:
    """The question is a tool that takes a host pattern."""
    assert "hosts" in served[0][f"{name}_tool"]


def test_resources(served: tuple[dict[str, set[str]], set[str], set[str]]) -> None:
    """Every resource is there under its address."""
    assert served[1] >= RESOURCES
    assert served[2] >= TEMPLATES


def _subcommands() -> dict[str, argparse.ArgumentParser]:
    action = next(one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize(("name", "options"), COMMANDS.items())
def test_command(name: str, options: set[str]) -> None:
    """The command is there and takes these options."""
    assert options <= set(_subcommands()[name]._option_string_actions)


def test_exit_codes() -> None:
    """Scripts branch on these."""
    assert (EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_ROLLED_BACK) == (0, 1, 2, 3)


@pytest.mark.parametrize("name", CARDS)
def test_card(name: str) -> None:
    """The card is there, in the file of its name, with every part."""
    card = load_policy().cards[name]
    assert [field for field in CARD_FIELDS if field not in type(card).model_fields] == []
    assert card.sources


def test_cards_are_complete() -> None:
    """These are the 29 that every policy knows."""
    assert len(CARDS) == 29


def test_profiles() -> None:
    """The five profiles."""
    assert set(load_policy().profiles) == {"gaming", "streaming", "video_calls", "bulk_transfer", "server"}


@pytest.mark.parametrize("name", MODULES)
def test_module(name: str) -> None:
    """The module is there and in the action group, so that defaults reach it."""
    assert (COLLECTION / f"plugins/modules/{name}.py").exists()
    runtime = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert name in runtime["action_groups"]["netopt"]


def test_the_action_group_names_modules_that_there_are() -> None:
    """Nobody is offered a module that is not there."""
    runtime = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text(encoding="utf-8"))
    there = {path.stem for path in (COLLECTION / "plugins/modules").glob("netopt_*.py")}
    assert set(runtime["action_groups"]["netopt"]) <= there


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_playbook(name: str) -> None:
    """The playbook is there."""
    assert (COLLECTION / f"playbooks/{name}.yml").exists()


@pytest.mark.parametrize(("model", "names"), MODELS, ids=[model.__name__ for model, _ in MODELS])
def test_model(model: Any, names: str) -> None:
    """The model has exactly these fields, and its schema is published."""
    assert sorted(model.model_fields) == sorted(names.split())
    assert model.__name__ in SCHEMAS or model is Changes
