# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans that are bombs, traps or slips, in every way that a plan is read: files, standard input, text over MCP."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastmcp.exceptions import ToolError
from hypothesis import given
from hypothesis import strategies as st

from mcp_bridge.documents import DocumentError, parse, parse_json
from mcp_bridge.documents.errors import DEPTH_MAX, VALUES_MAX
from mcp_bridge.documents.yaml_text import parse_yaml
from mcp_bridge.mcp_server.tools.plans import as_object
from tests.bridge.plan_strategies import ANY_JSON, PLANS

MEMORY = 768 * 1024 * 1024  # bytes of address space, of which Python and what it loads take half
ROOT = Path(__file__).parents[3]
LONG = "k" * 10**6
ESCAPE = "\\u001b[31m"


def chain(first: str, after: str, levels: int) -> str:
    """Return YAML in which each line is made from the one before it; ``@`` stands for that one's alias."""
    return "\n".join([first, *(f"a{n}: &a{n} {after.replace('@', f'*a{n - 1}')}" for n in range(1, levels))])


LAUGHS = chain("a0: &a0 [x]", "[@, @, @, @, @, @, @, @, @, @]", 10)
MERGES = chain("a0: &a0 {k: 1}", "{<<: [@, @, @]}", 18)
STAIRS = chain("a0: &a0 [x]", "[@]", 100)

# the name of a case, its text in JSON and in YAML, and what is said
REFUSED: list[tuple[str, str, str, str]] = [
    (
        "twice",
        '{"changes":{"mtu":1400},\n"changes":{"mtu":1500}}',
        "changes: {mtu: 1400}\nchanges: {mtu: 1500}",
        ":2: changes: The key is given twice, first on line 1. Keep one of the two",
    ),
    (
        "twice below",
        '{"changes":\n{"mtu":1400,\n"mtu":1400}}',
        "changes:\n  mtu: 1400\n  mtu: 1400",
        ":3: changes.mtu: The key is given twice, first on line 2",
    ),
    ("twice in a list", '{"a":[1,{"b":[{"c":1,"c":2}]}]}', "a: [1, {b: [{c: 1, c: 2}]}]", ":1: a[1].b[0].c: The key"),
    ("twice in disguise", '{"mtu":1400,"\\u006dtu":1500}', 'mtu: 1400\n"\\x6dtu": 1500', "mtu: The key is given twice"),
    ("long key", f'{{"{LONG}":1,"{LONG}":2}}', f"? {LONG}\n: 1\n? {LONG}\n: 2", "k...: The key is given twice"),
    (
        "key that moves a terminal",
        f'{{"{ESCAPE}":1,"{ESCAPE}":2}}',
        f'"{ESCAPE}": 1\n"{ESCAPE}": 2',
        ": ?[31m: The key",
    ),
    ("deep lists", '{"iface":' + "[" * 120_000, "iface: " + "[" * 120_000, ":1: iface[0][0][0]: Nested deeper than 40"),
    ("deep objects", '{"a":' * 120_000, "{a: " * 120_000, ":1: a.a.a.a: Nested deeper than 40 levels"),
    ("closed lists", '{"a":' + "[" * 1000 + "]" * 1000 + "}", "a: " + "[" * 1000 + "]" * 1000, "Nested deeper"),
    ("deep dashes", "", "- " * 120_000, "Nested deeper"),
    ("deep keys", "", "? " * 120_000, "Nested deeper"),
    (
        "long number",
        '{"changes":{"mtu":' + "9" * 5000 + "}}",
        "changes: {mtu: " + "9" * 5000 + "}",
        ":1: changes.mtu: The number is longer than 64 characters. No setting takes such a number",
    ),
    ("longer number", '{"a":[0,' + "9" * 10**6 + "]}", "a: [0, " + "9" * 10**6 + "]", ":1: a[1]: The number is longer"),
    ("long fraction", '{"a":0.' + "9" * 5000 + "}", "a: 0." + "9" * 5000, "a: The number is longer"),
    ("number to the base of 60", "", "a: 1" + ":1" * 10**6, "a: The number is longer"),
    ("hexadecimal number", "", "a: 0x" + "f" * 10**6, "a: The number is longer"),
    ("no number", '{"a":[NaN]}', "", ":1: a[0]: NaN is no number of JSON"),
    ("endless", '{"a":-Infinity}', "", ":1: a: -Infinity is no number of JSON"),
    ("many values", '{"a":[' + "1," * VALUES_MAX + "1]}", "a: [" + "1," * VALUES_MAX + "1]", "More than 250000 values"),
    ("many objects", '{"a":[' + "{}," * VALUES_MAX + "1]}", "a: [" + "{}," * VALUES_MAX + "1]", "More than 250000 val"),
    ("large", '{"a":"' + "x" * 5_000_000 + '"}', "a: " + "x" * 5_000_000, "larger than 4194304 bytes. Split it"),
    ("billion laughs", "", LAUGHS, ":7: a6[0]: More than 250000 values"),
    ("stairs of aliases", "", STAIRS, "Nested deeper than 40 levels"),
    ("alias within itself", "", "a: &a [*a]", ":1: a[0]: The alias *a stands for nothing that ends before it"),
    ("alias of nothing", "", "a: *b", "a: The alias *b stands for nothing"),
    ("merge keys", "", MERGES, ":2: a1: Merge keys (<<) are not read. Write out the keys that they bring"),
    ("one merge key", "", "a: &a {x: 1}\nb: {<<: *a}", ":2: b: Merge keys (<<) are not read"),
    ("Python object", "", "a: !!python/object/apply:os.system [x]", "python/object/apply:os.system is not read. Leave"),
    ("own tag", "", "a: !vault x", "a: Not valid YAML here: the tag !vault is not read"),
    ("number as a key", "", "1: x", "The key 1 is not text; quote it"),
    ("list as a key", "", "? [a]\n: x", ":1: A key is not text"),
    ("two documents", "", "a: 1\n---\nb: 1", ":2: Another document begins; expected a single document"),
    ("empty", "", " ", "The file is empty"),
    ("no text", "", "a: \x07", "Not valid YAML: unacceptable character #x0007"),
]
CASES = [
    pytest.param(text, said, id=f"{name}, {kind}")
    for name, *texts, said in REFUSED
    for kind, text in zip(("JSON", "YAML"), texts, strict=True)
    if text
]
AS_TEXT = [case for case in CASES if str(case.id).endswith("JSON") and "large" not in str(case.id)]


def bounded() -> None:
    """Leave a process little memory."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Netopt:
    """The command with little memory, each time in a process of its own that may crash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bridge.documents.read_program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NETOPT_STATE_DIR": str(folder / "state")},
            preexec_fn=bounded,  # noqa: PLW1509 - it sets a limit, and takes no lock
        )

    def validate(self, name: str, *, stdin: str = "") -> tuple[int, str]:
        """Return the exit status and what was said."""
        assert self.process.stdin
        assert self.process.stdout
        (self.folder / "stdin").write_text(stdin, encoding="utf-8")
        self.process.stdin.write(json.dumps(["validate", name]) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()), (self.folder / "stderr").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def netopt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Netopt]:
    """The command for this file's tests."""
    made = Netopt(tmp_path_factory.mktemp("netopt"))
    with made.process:
        yield made


@pytest.mark.parametrize("name", ["plan", "-"], ids=["file", "standard input"])
@pytest.mark.parametrize(("text", "said"), CASES)
def test_plans_that_are_not_read(netopt: Netopt, text: str, said: str, name: str) -> None:
    """Each is refused as wrong usage in one line, with its place and what to do, in little memory; nothing crashes."""
    (netopt.folder / "plan").write_text(text if name == "plan" else "", encoding="utf-8")
    status, words = netopt.validate(name, stdin=text if name == "-" else "")
    told = " ".join(words.replace("\n  hint:", ".").split())
    assert (status, told[: len(name) + 8]) == (2, f"netopt: {name}"), words[:500]
    assert said in told
    assert len(words) < 500
    assert words.replace("\n", "").isprintable()


def test_plans_that_are_read(netopt: Netopt) -> None:
    """The tests above can fail: a plan that is as it should be is read with as little memory, and so is a large one."""
    assert netopt.validate("-", stdin='{"iface": "eth0", "changes": {"mtu": 1400}}')[0] == 0
    classes = [
        {"classid": f"1:{number:x}", "rate_mbit": 1, "match": [{"dst": f"10.{number >> 8}.{number & 255}.1"}]}
        for number in range(2, 10_242)
    ]
    plan = {"iface": "eth0", "changes": {"qdisc": {"type": "htb"}, "htb_classes": classes}}
    for text in (json.dumps(plan), yaml.dump(plan, Dumper=yaml.CSafeDumper)):
        assert parse(text, name="plan") == plan


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "It is not a regular file. Pipes and devices are not opened"),
        (lambda path: path.symlink_to("/dev/zero"), "It is not a regular file"),
        (os.mkdir, "cannot be read: Is a directory"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read: No such file or directory"),
        (lambda path: path.write_bytes(b"\xff\xfe{\x00}\x00"), "The text is not UTF-8 at byte 0"),
    ],
    ids=["pipe", "device", "folder", "nothing", "UTF-16"],
)
def test_files_that_are_not_read(netopt: Netopt, tmp_path: Path, make: Any, said: str) -> None:
    """What is no file of text is refused, and nobody waits for it."""
    make(tmp_path / "plan.yml")
    status, words = netopt.validate(str(tmp_path / "plan.yml"))
    assert (status, said in words.replace("\n  hint:", ".")) == (2, True), words


@pytest.mark.parametrize(("text", "said"), AS_TEXT)
def test_text_over_mcp(text: str, said: str) -> None:
    """A plan that a client sends as text is read by the same rules: the last of two keys does not win."""
    with pytest.raises(ToolError) as refusal:
        as_object(text, name="plan")
    assert said in str(refusal.value)
    assert len(str(refusal.value)) < 500


YAML = [
    ("a: &x {b: [1]}\nc: *x\nd: [*x, *x]", {"a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}, {"b": [1]}]}),
    ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
    ("a: 2027-06-30", {"a": "2027-06-30"}),
    ("a: '5'\nb: !!str 5\nc: ! 5", {"a": "5", "b": "5", "c": 5}),
    ("a: [0x10, 010, 1_000, 1.5, .5, -1, ~]", {"a": [16, 8, 1000, 1.5, 0.5, -1, None]}),
    ("a: [yes, off, true, null]", {"a": [True, False, True, None]}),
    ('"<<": 1\na: <<\nb: =', {"<<": 1, "a": "<<", "b": "="}),
    ("a: |\n  x\n  y\nb: >-\n  x\n  y", {"a": "x\ny\n", "b": "x y"}),
    ("---\na: 1\n...\n", {"a": 1}),
    ("a: !!map {b: !!seq [1]}", {"a": {"b": [1]}}),
    ("a: 1  # " + "[" * 100, {"a": 1}),
    ("\ufeffa: 1", {"a": 1}),
    ("null", None),
    ("5", 5),
]


@pytest.mark.parametrize(("text", "value"), YAML, ids=[text[:40] for text, _value in YAML])
def test_yaml_that_is_read(text: str, value: Any) -> None:
    """What people write in YAML means what it did; what an anchor marks may be used again."""
    assert parse(text, name="plan.yml") == value


def test_dates_and_aliases_of_a_policy() -> None:
    """A policy knows dates, and no aliases."""
    assert parse_yaml("a: 2027-06-30", name="x", dates=True) == {"a": date(2027, 6, 30)}
    with pytest.raises(DocumentError, match="aliases are not used"):
        parse_yaml("a: &a 1\nb: *a", name="x", aliases=False)


def test_lines_are_those_of_the_keys() -> None:
    """A reader that asks for it learns on which line everything stands."""
    lines: dict[Any, int] = {}
    parse_yaml("a:\n  - x\n  - b: 1\n    c:\n      2\n", name="x", lines=lines)
    assert lines == {(): 1, ("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, "b"): 3, ("a", 1, "c"): 4}


def test_what_is_no_json_may_be_yaml() -> None:
    """Text in braces that is not JSON is read as YAML, unless the file says that it is JSON."""
    assert parse("{a: 1}", name="plan") == {"a": 1}
    with pytest.raises(json.JSONDecodeError):
        parse("{a: 1}", name="plan.json")


@given(value=st.dictionaries(st.text(max_size=10), ANY_JSON) | PLANS)
def test_json_means_what_it_meant(value: Any) -> None:
    """What Python's own reader makes of JSON comes out, where every number is one."""
    text = json.dumps(value, indent=1)
    assert ("NaN" in text or "Infinity" in text) or parse(text, name="plan") == json.loads(text)


@given(plan=PLANS)
def test_yaml_means_what_it_meant(plan: Any) -> None:
    """A plan in YAML is the plan that it was written from."""
    assert parse(yaml.safe_dump(plan), name="plan.yml") == plan


@given(text=st.text(alphabet='{}[]:,"\\ 1aN\n-', max_size=60) | st.text(max_size=60))
def test_any_text_ends_as_a_value_or_as_an_error(text: str) -> None:
    """There is no text that ends in another way."""
    for name in ("plan", "plan.json"):
        with suppress(DocumentError, json.JSONDecodeError):
            parse(text, name=name)


@pytest.mark.parametrize("read", [parse_json, parse_yaml])
def test_the_bound_is_the_same_in_both(read: Any) -> None:
    """Forty levels are read, in JSON and YAML, and one more is not."""
    read("[" * DEPTH_MAX + "]" * DEPTH_MAX, name="x")
    with pytest.raises(DocumentError, match="Nested deeper"):
        read("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), name="x")
