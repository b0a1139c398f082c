# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of a host say of the plan that it gets: options of ``netopt_apply``, for the role ``optimize``.

They are read here by name, not written as a template each in the role: ansible-core compiles every template of a task
anew for every host, which takes longer than all else that it does for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# what goes with a plan, and is the word of the policy about it
OF_A_PLAN = ("plan", "plans", "judged", "digest", "adaptations", "skippable", "modules", "allowlist")
OF_A_CHANGE = ("checkpoint_id", "checkpoint_label", "by", "confirm", "confirm_timeout_s", "persist")
OF_A_HOST = ("link", "labels")


def given_by(read: Callable[[str], Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options that the host's variables give, without those for which they say nothing.

    Args:
        read: gives a variable of the host by its name, ``None`` where there is none.
        given: what netopt has checked before it started Ansible, for this host among others: nothing else then says
            what its plan is.
    """
    found = {name: read(f"netopt_{name}") for name in (*OF_A_HOST, *OF_A_CHANGE)}
    found.update(given or {name: read(f"netopt_{name}") for name in OF_A_PLAN})
    wave = read("netopt_wave") or {}
    found.update({name: wave[name] for name in ("checkpoint_id", "confirm") if name in wave})
    if wave.get("confirm") == "manual":  # the rollout confirms it, and says how long that can take
        found["confirm_timeout_s"] = wave["guard_s"]
    # a question of a survey that was left open is text without a letter; no seconds to confirm are said by a 0
    return {name: value for name, value in found.items() if value or (name == "confirm_timeout_s" and value == 0)}
