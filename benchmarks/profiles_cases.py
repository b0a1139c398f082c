# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each profile promises, the path on which that is measured, and the ways that are held against each other."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULTS, PROFILE = WAYS = ("defaults", "profile")


@dataclass(frozen=True)
class Case:
    """One profile's measurement.

    Attributes:
        profile: its name.
        objective: what is measured, for people.
        measure: the command of profiles_guest.
        path: the fields of ``profiles_guest.world.Path``.
        figure: the one by which the profile is judged; the others are shown beside it.
        unit: of that figure.
        lower: whether less of it is better.
    """

    profile: str
    objective: str
    measure: str
    path: dict[str, float]
    figure: str
    unit: str
    lower: bool = False

    @property
    def described_path(self) -> str:
        """The path in words."""
        words = [f"{self.path['rtt_ms']} ms round trip"]
        if "rate_mbit" in self.path:
            down = f" up, {self.path['down_mbit']} Mbit/s down" if "down_mbit" in self.path else ""
            queue = f"queue of {self.path.get('queue_packets', 1000)} packets"
            words.append(f"{self.path['rate_mbit']} Mbit/s{down}, {queue}")
        if "loss_pct" in self.path:
            words.append(f"{self.path['loss_pct']} % loss")
        return ", ".join(words)


_UPLINK = {"rtt_ms": 40, "rate_mbit": 2, "queue_packets": 100}
CASES = {
    case.profile: case
    for case in (
        Case(
            "gaming",
            "95th percentile of pings while two uploads run",
            "pings",
            _UPLINK,
            "p95_ms",
            "ms",
            lower=True,
        ),
        Case(
            "video_calls",
            "95th percentile of a media stream's round trips while two uploads run",
            "media",
            _UPLINK,
            "p95_ms",
            "ms",
            lower=True,
        ),
        Case(
            "streaming",
            "rate at which segments of 250 kB arrive, a second apart",
            "segments",
            {"rtt_ms": 80, "rate_mbit": 4, "loss_pct": 2},
            "mbit",
            "Mbit/s",
        ),
        Case(
            "bulk_transfer",
            "rate of one connection over 10 s",
            "bulk",
            {"rtt_ms": 150, "rate_mbit": 8, "loss_pct": 1},
            "mbit",
            "Mbit/s",
        ),
        Case(
            "server",
            "connections answered beside a SYN flood and a client that takes 4500",
            "attacked",
            {"rtt_ms": 10},
            "answered_pct",
            "%",
        ),
    )
}
