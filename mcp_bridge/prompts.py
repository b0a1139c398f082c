# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prompts of the MCP server: the jobs that people ask for most, as steps.

Annotations are evaluated here, not kept as text: FastMCP takes those of a prompt as they stand.
"""

from typing import Annotated, Any

from fastmcp import FastMCP
from pydantic import Field

HostsWord = Annotated[str, Field(description="Host pattern, e.g. a group's name.")]


def register(server: FastMCP[Any]) -> None:
    """Add the prompts."""

    @server.prompt(title="Optimize a group for a profile")
    def optimize_group(
        hosts: HostsWord, profile: Annotated[str, Field(description="gaming, streaming, video_calls, ...")]
    ) -> str:
        """Bring a group of hosts to a profile."""
        return (
            f"Optimize the hosts {hosts} for the profile {profile}.\n"
            f"1. Read policy://profiles/{profile}.\n"
            "2. Call plan_from_profile_tool and show me each plan with its hosts and notes.\n"
            "3. Validate and render each plan, apply it as a dry run, and show me what would change.\n"
            "4. When I agree, apply it with confirm_timeout_s=120, look at the hosts, then call confirm_change_tool.\n"
            "5. Give me the checkpoint ids."
        )

    @server.prompt(title="Protect a server")
    def protect_server(
        host: HostsWord, ports: Annotated[str, Field(description="TCP ports that it serves, e.g. 80,443.")]
    ) -> str:
        """Limit connections and rates on a server's ports."""
        return (
            f"Protect {host}, which serves the TCP ports {ports}.\n"
            "1. Look at ss_summary_tool, conntrack_stats_tool and nft_list_ruleset_tool.\n"
            "2. Write a plan with syncookies, connection_limits per source on those ports, a rate_limit for new "
            "connections, and connection_tracking sized for what you saw. Leave the management port alone.\n"
            "3. Validate, render and dry-run it, explain each line, and wait for my word before you apply it."
        )

    @server.prompt(title="Find out why a host is slow")
    def find_slowness(
        host: HostsWord, target: Annotated[str, Field(description="Where it is slow to: a name or an address.")]
    ) -> str:
        """Look for the cause of a slow network without changing anything."""
        return (
            f"Find out why the network of {host} is slow towards {target}. Change nothing.\n"
            f"Look at ping_host_tool and tracepath_tool to {target}, link_stats_tool, nic_stats_tool, "
            "softnet_stats_tool, nstat_tool (retransmissions, drops), tc_qdisc_show_tool (drops, backlog), "
            "conntrack_stats_tool and host_facts_tool. Say what you measured, what it means, and which card of "
            "policy://config_cards/list speaks to it."
        )

    @server.prompt(title="Roll back safely")
    def roll_back_safely(hosts: HostsWord) -> str:
        """Undo a change on hosts after a look at what that means."""
        return (
            f"Undo a change on {hosts}.\n"
            "1. Call list_checkpoints_tool and show me the checkpoints with their labels, times and hosts.\n"
            "2. When I have named one, call rollback_to_checkpoint_tool with dry_run=true and show me the outcome; "
            "changes made after it are undone as well.\n"
            "3. When I agree, roll back, and compare the hosts with what the dry run said."
        )
