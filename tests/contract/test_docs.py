# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages say of the repository is so: files, links, commands, and figures that can be counted."""

from __future__ import annotations

import argparse
import itertools
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.versions import OLDEST, OLDEST_KERNEL
from ansible_collections.netopt.linux.plugins.plugin_utils._no_result import OLDEST as OLDEST_PYTHON
from benchmarks.job import read_job
from mcp_bridge.cli.main import parser
from mcp_bridge.collection.queries import QUERIES

TOP = Path(__file__).parents[2]
COLLECTION = TOP / "ansible_collections" / "netopt" / "linux"
PAGES = [*sorted(TOP.glob("*.md")), *sorted((TOP / "docs").rglob("*.md")), TOP / "benchmarks" / "README.md"]
BY_NAME = {str(page.relative_to(TOP)): page.read_text(encoding="utf-8") for page in PAGES}
INNER = {"netopt_rollout", "netopt_summary", "netopt_validate"}  # modules that our own playbooks alone are made of
NAME = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|yaml|yml|json|sh|toml|md))`|`((?:[\w.-]+/)+)`")
MADE_UP = re.compile(r"_X/|NAME|TYPE")  # in names that stand for many
LINK = re.compile(r"\]\((?P<path>[^)#:]*)(?:#(?P<heading>[^)]*))?\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"^(?:[$#] )?(?:\S*/)?netopt (.*)$", re.MULTILINE)
INLINE = re.compile(r"`netopt ([^`]*)`")
SHELL = re.compile(r"[|>]")


@cache
def tracked() -> list[PurePosixPath]:
    """Return the files of the repository, those included that git is not told of yet."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return [PurePosixPath(line) for line in subprocess.check_output(listed, cwd=TOP, text=True).splitlines()]


@cache
def endings() -> frozenset[str]:
    """Return the ends of the paths of all files and folders, those of folders with a slash."""
    whole = {str(file) for file in tracked()} | {f"{folder}/" for file in tracked() for folder in file.parents}
    return frozenset(path.split("/", skipped)[-1] for path in whole for skipped in range(path.count("/") + 1))


@cache
def headings(page: Path) -> frozenset[str]:
    """Return the headings of a page as links name them."""
    lines = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return frozenset(re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines)


def numbers(pattern: str, text: str) -> list[float]:
    """Return the numbers of the first place that a pattern matches, lines joined."""
    found = re.search(pattern, " ".join(text.split()))
    assert found is not None, pattern
    return [float(group) for group in found.groups()]


def words(text: str) -> set[str]:
    """Return what stands between backticks."""
    return set(re.findall(r"`(.*?)`", text))


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_are_there(name: str) -> None:
    """Every file and folder that the map and the recipes name is there."""
    named = {file or folder for file, folder in NAME.findall(BY_NAME[name]) if not MADE_UP.search(file or folder)}
    assert len(named) > 50
    assert named - endings() == set()


@pytest.mark.parametrize("name", BY_NAME)
def test_links_lead_somewhere(name: str) -> None:
    """Each link leads to a file that is there, and to a heading in it."""
    lost = []
    for found in LINK.finditer(FENCED.sub("", BY_NAME[name])):
        target = (TOP / name).parent / found["path"] if found["path"] else TOP / name
        if not target.exists() or (found["heading"] and found["heading"] not in headings(target)):
            lost.append(found[0])
    assert lost == []


@pytest.mark.parametrize("name", BY_NAME)
def test_commands_are_those_of_netopt(name: str) -> None:
    """Each ``netopt ...`` is a command that there is, and its options are that command's."""
    text = BY_NAME[name].replace("\\\n", " ")
    calls = [call for block in FENCED.findall(text) for call in TYPED.findall(block)]
    calls += INLINE.findall(FENCED.sub("", text))
    assert [call for call in calls if list(unknown(shlex.split(SHELL.split(call)[0], comments=True)))] == []


def unknown(call: list[str]) -> Iterator[str]:
    """Yield the words of a call that netopt does not know: commands, and options of these."""
    at = parser()
    for word in itertools.takewhile(lambda word: word != "--", call):
        commands = next((one.choices for one in at._actions if isinstance(one, argparse._SubParsersAction)), {})
        if word in commands:
            at = commands[word]
        elif commands or (word.startswith("-") and word != "-" and " " not in word):
            yield from () if word in at._option_string_actions else (word,)


def test_floors_are_those_of_the_contract() -> None:
    """The table of floors is what import-linter holds the target to."""
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["name"].startswith("Floors"))
    rows = re.findall(r"^\| (\d+) \| (`_.*?`) \|", BY_NAME["ARCHITECTURE.md"], re.MULTILINE)
    assert [re.findall(r"`(\w+)`", folders) for _floor, folders in rows] == [layer.split(" | ") for layer in layers]


def test_map_of_mcp_bridge_is_whole() -> None:
    """Each folder and file of mcp_bridge has its row."""
    table = BY_NAME["ARCHITECTURE.md"].partition("## Map of mcp_bridge")[2].partition("\n## ")[0]
    told = {name.split("/")[0] for cell in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in words(cell)}
    assert told == {file.parts[1] for file in tracked() if file.parts[0] == "mcp_bridge"}


def test_readme_names_modules_and_playbooks() -> None:
    """The modules are all but our playbooks' own, and the playbooks are there."""
    text = BY_NAME["README.md"]
    modules = words(text.partition("Single modules for use in your own playbooks: ")[2].partition("\n\n")[0])
    assert modules == {path.stem for path in (COLLECTION / "plugins" / "modules").glob("netopt_*.py")} - INNER
    playbooks = words(text.partition("Playbooks ")[2].partition(".\n")[0])
    assert playbooks
    assert playbooks <= {path.stem for path in (COLLECTION / "playbooks").glob("*.yml")}


def test_readme_says_what_hosts_need() -> None:
    """The oldest kernel, Python and tools are those that the code names."""
    oldest = {package: ".".join(map(str, version)) for package, version, _word in OLDEST.values()}
    kernel, python = (".".join(map(str, version)) for version in (OLDEST_KERNEL, OLDEST_PYTHON))
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = " ".join(BY_NAME["README.md"].split())
    assert f"Hosts need Linux {kernel}, Python {python}, root" in text
    assert "iproute2 {iproute2}, nftables {nftables} and ethtool {ethtool}, or newer".format(**oldest) in text
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer and pip" in text


def test_readme_says_what_was_measured() -> None:
    """Its figures are those of the pages that it refers to, rounded."""
    text, profiles = BY_NAME["README.md"], BY_NAME["docs/profiles.md"]
    newest = (
        BY_NAME["benchmarks/README.md"].partition("`server.json`, measured later")[2].partition("| one `shell` task")[2]
    )
    first, unchanged = 5, 9  # the cells of the ratios in a row
    for hosts, said in (
        (50, numbers(r"On 50 hosts an apply that changes nothing takes ([\d.]+) of .*? takes ([\d.]+) times", text)),
        (1, numbers(r"On one host it is ([\d.]+) and ([\d.]+) times", text)),
    ):
        cells = newest[newest.index(f"| {hosts} |") :].splitlines()[0].split("|")
        assert said == [round(float(cells[place]), 1) for place in (unchanged, first)]
    loaded = profiles.partition("| gaming | 95th percentile of pings while the uplink is full")[2]
    *delays, empty = numbers(r"pings fell from (\d+) to (\d+) ms, where the empty path has (\d+)", text)
    assert delays == numbers(r"defaults \| (\d+) ms .*? profile \| (\d+) ms", loaded)
    assert empty == round(*numbers(r"The empty paths have ([\d.]+)", profiles))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        pytest.param("server", r"renders it, (\d+) steps", id="server"),
        pytest.param("tuned", r"plan of (\d+) steps", id="tuned"),
    ],
)
def test_steps_of_the_benchmarks(plan: str, said: str, tmp_path: Path) -> None:
    """By hand a plan takes a step for each key and command, and two for the rules, which are written and loaded."""
    job = read_job(TOP / "benchmarks" / f"{plan}.json", tmp_path)
    assert numbers(said, BY_NAME["benchmarks/README.md"]) == [len(job.sysctl) + len(job.commands) + 2]


def test_questions_are_counted() -> None:
    """The page on the server names three of its questions, and says how many more there are."""
    assert numbers(r"`nstat_tool` and (\d+) more", BY_NAME["docs/mcp.md"]) == [len(QUERIES) - 3]
