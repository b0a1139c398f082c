# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which classes and qdiscs are made, so that the kernel lists them again in the order of its dump. Pure.

The kernel keeps classes in a hash table (net/sched/sch_api.c, qdisc_class_hash_*): a new class goes to the front of
its bucket, and a table that is three quarters full doubles, which turns every bucket's order around. So a class made
at position p ends up before its older neighbours when an even number of doublings follows, else behind them.
Qdiscs below the root are in a table of fixed size per interface (net/sched/sch_api.c, qdisc_hash_add()), new ones to
the front.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Deque

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SMALLEST = 4
GOLDEN_RATIO, QDISC_SHIFT = 0x61C88647, 28  # hash_32() to 16 buckets


def _bucket(handle: int, size: int) -> int:
    """Return the bucket of a class (qdisc_class_hash())."""
    handle ^= handle >> 8
    handle ^= handle >> 4
    return handle & (size - 1)


def _doublings(count: int) -> tuple[list[int], int]:
    """Return (how many doublings happen at or after the insertion at each position, the final size)."""
    size = SMALLEST
    happened = []
    for inserted in range(1, count + 1):
        doubles = inserted * 4 > size * 3
        happened.append(int(doubles))
        if doubles:
            size *= 2
    total = 0
    after = []
    for doubled in reversed(happened):
        total += doubled
        after.append(total)
    return after[::-1], size


def creation_order(parents: Mapping[int, int], listed: Sequence[int]) -> list[int]:
    """Return the classes in an order that has parents first and, where there is one, gives the kernel's listing.

    Args:
        parents: each class's parent; parents that are no keys are outside.
        listed: the classes as the kernel lists them.
    """
    after, size = _doublings(len(listed))
    buckets: dict[int, Deque[int]] = defaultdict(deque)
    for handle in listed:
        buckets[_bucket(handle, size)].append(handle)
    children: dict[int, int] = defaultdict(int)
    for handle in listed:
        children[parents[handle]] += 1
    backwards: list[int] = []
    waiting: Deque[Deque[int]] = deque(buckets.values())
    for place in range(len(listed) - 1, -1, -1):
        end = -1 if after[place] % 2 else 0
        for _round in range(len(waiting)):
            bucket = waiting[0]
            if not children[bucket[end]]:
                break
            waiting.rotate(-1)
        else:
            return by_depth(parents, listed)  # a listing that no fresh table can have
        handle = bucket[end]
        if end:
            bucket.pop()
        else:
            bucket.popleft()
        children[parents[handle]] -= 1
        if not bucket:
            waiting.popleft()
        backwards.append(handle)
    return backwards[::-1]


def by_depth(parents: Mapping[int, int], listed: Sequence[int]) -> list[int]:
    """Return the classes with parents before children, else in the order listed."""
    depths: dict[int, int] = {}

    def depth(handle: int) -> int:
        path = []
        while handle in parents and handle not in depths:
            path.append(handle)
            handle = parents[handle]
        below = depths.get(handle, 0)
        for step in reversed(path):
            below += 1
            depths[step] = below
        return below

    return sorted(listed, key=depth)


def qdisc_order(parents: Mapping[int, int], listed: Sequence[int]) -> list[int]:
    """Return qdiscs in an order that has parents first and, where there is one, gives the kernel's listing.

    Args:
        parents: each qdisc's parent qdisc; parents that are no keys are outside.
        listed: the qdiscs as the kernel lists them.
    """
    followers: dict[int, list[int]] = defaultdict(list)
    blockers: dict[int, int] = defaultdict(int)
    latest: dict[int, int] = {}
    for handle in reversed(listed):
        before = {parents[handle]} if parents[handle] in parents else set()
        bucket = (handle * GOLDEN_RATIO & 0xFFFFFFFF) >> QDISC_SHIFT
        if parents[handle] in parents:  # a root is in no bucket
            before |= {latest[bucket]} if bucket in latest else set()
            latest[bucket] = handle
        for one in before:
            followers[one].append(handle)
            blockers[handle] += 1
    ready = deque(handle for handle in reversed(listed) if not blockers[handle])
    found: list[int] = []
    while ready:
        handle = ready.popleft()
        found.append(handle)
        for one in followers[handle]:
            blockers[one] -= 1
            if not blockers[one]:
                ready.append(one)
    return found if len(found) == len(listed) else by_depth(parents, listed)


def listing(created: Sequence[int]) -> list[int]:
    """Return classes as the kernel lists them, given the order in which they were made in an empty table."""
    size = SMALLEST
    buckets: list[list[int]] = [[] for _bucket_number in range(size)]  # each with the front at the end
    for count, handle in enumerate(created, 1):
        buckets[_bucket(handle, size)].append(handle)
        if count * 4 > size * 3:
            size *= 2
            larger: list[list[int]] = [[] for _bucket_number in range(size)]
            for bucket in buckets:
                for each in reversed(bucket):
                    larger[_bucket(each, size)].append(each)
            buckets = larger
    return [handle for bucket in buckets for handle in reversed(bucket)]


def qdisc_listing(created: Sequence[int]) -> list[int]:
    """Return qdiscs below a root as the kernel lists them, given the order in which they were made."""
    buckets: dict[int, list[int]] = defaultdict(list)
    for handle in created:
        buckets[(handle * GOLDEN_RATIO & 0xFFFFFFFF) >> QDISC_SHIFT].append(handle)
    return [handle for number in sorted(buckets) for handle in reversed(buckets[number])]
