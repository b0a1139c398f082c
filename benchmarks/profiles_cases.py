# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each profile promises, the paths on which that is measured, and the ways that are held against each other."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULTS, PROFILE, WITHOUT_CAKE = "defaults", "profile", "profile, without cake"


@dataclass(frozen=True)
class Case:
    """One measurement of one profile on one path, in a kernel of its own.

    Attributes:
        profile: its name.
        objective: what is measured, for people.
        measure: one of ``profiles_program.MEASURES``.
        path: the fields of ``profiles_guest.world.Path``.
        figure: the one by which the profile is judged; the others are shown beside it.
        unit: of that figure.
        lower: whether less of it is better.
        link: whether the profile is told the rates of the path.
        memory: what the kernel has.
    """

    profile: str
    objective: str
    measure: str
    path: dict[str, float]
    figure: str
    unit: str
    lower: bool = False
    link: bool = False
    memory: str = "768M"

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that are measured in turn; the first one is that of the kernel's defaults."""
        return (DEFAULTS, PROFILE, WITHOUT_CAKE) if self.link else (DEFAULTS, PROFILE)

    @property
    def described_path(self) -> str:
        """The path in words."""
        words = [f"{self.path['rtt_ms']} ms round trip"]
        if "rate_mbit" in self.path:
            down = f" up, {self.path['down_mbit']} down" if "down_mbit" in self.path else ""
            queue = f"queue of {self.path.get('queue_packets', 1000)} packets"
            words.append(f"{self.path['rate_mbit']} Mbit/s{down}, {queue}")
            words.append(f"{self.path['loss_pct']} % loss" if "loss_pct" in self.path else "no loss")
        else:
            words.append(f"{self.memory} of memory")
        return ", ".join(words)


_UPLINKS = (
    {"rtt_ms": 20, "rate_mbit": 5, "down_mbit": 20, "queue_packets": 400},
    {"rtt_ms": 40, "rate_mbit": 20, "down_mbit": 100, "queue_packets": 1000},
)
_DELAYS = (
    ("gaming", "pings", "95th percentile of pings"),
    ("video_calls", "media", "95th percentile of a media stream's round trips"),
)
_BURST = {"burst_ms": 4}
CASES = (
    *(
        Case(
            profile,
            f"{what} while the uplink is full both ways",
            f"{measure}_full",
            path,
            "p95_ms",
            "ms",
            lower=True,
            link=True,
        )
        for profile, measure, what in _DELAYS
        for path in _UPLINKS
    ),
    *(
        Case(
            profile,
            f"{what} beside four uploads, without a link",
            f"{measure}_uploads",
            path,
            "p95_ms",
            "ms",
            lower=True,
        )
        for profile, measure, what in _DELAYS
        for path in _UPLINKS
    ),
    *(
        Case(
            "streaming",
            "rate at which segments of 500 kB arrive, a second apart",
            "segments",
            path,
            "mbit",
            "Mbit/s",
            memory="6G",
        )
        for path in (
            {"rtt_ms": 60, "rate_mbit": 20, "queue_packets": 200, "loss_pct": 1, **_BURST},
            {"rtt_ms": 60, "rate_mbit": 20, "queue_packets": 200, **_BURST},
            {"rtt_ms": 20, "rate_mbit": 200, "queue_packets": 500, **_BURST},
        )
    ),
    *(
        Case("bulk_transfer", "rate of one connection over 10 s", "bulk", path, "mbit", "Mbit/s", memory="6G")
        for path in (
            {"rtt_ms": 60, "rate_mbit": 100, "queue_packets": 500, "loss_pct": 1, **_BURST},
            {"rtt_ms": 40, "rate_mbit": 300, "queue_packets": 1000, "loss_pct": 0.1, **_BURST},
            {"rtt_ms": 20, "rate_mbit": 100, "queue_packets": 500, **_BURST},
            {"rtt_ms": 20, "rate_mbit": 1000, "queue_packets": 1700, **_BURST},
            {"rtt_ms": 150, "rate_mbit": 300, "queue_packets": 4000, **_BURST},
        )
    ),
    *(
        Case(
            "server",
            "connections answered beside a SYN flood, a client that wants 9000, and one that comes and goes",
            "attacked",
            {"rtt_ms": 10},
            "answered_pct",
            "%",
            memory=memory,
        )
        for memory in ("256M", "1G", "2G")
    ),
)
