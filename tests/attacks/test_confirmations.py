# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Confirmations that nobody gave: replayed, forged, swapped, late, or given for somebody else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from mcp.types import InputRequiredResult

from mcp_bridge.access.context import Terms
from mcp_bridge.policy.loader import policy_directory
from tests.attacks.stage import NOWHERE, PLAN, Stage, answer, ask, said, text_of
from tests.calls import call

TOOL = "delete_checkpoint_tool"
REAL: dict[str, Any] = {"checkpoint_id": NOWHERE, "hosts": "web", "dry_run": False}


def with_question(
    stage: Stage, use: Callable[[Client[Any], InputRequiredResult], Awaitable[str]], terms: Terms | None = None
) -> str:
    """Have a question asked, and return what ``use`` makes of it."""

    async def run() -> str:
        async with stage.client(terms) as client:
            return await use(client, await ask(client, TOOL, **REAL))

    return asyncio.run(run())


def test_an_answer_counts_once(stage: Stage) -> None:
    """The first answer is heeded; the very same message once more is refused."""

    async def use(client: Client[Any], question: InputRequiredResult) -> str:
        first = await answer(client, TOOL, question, **REAL)
        assert first.structured_content is not None
        assert set(first.structured_content["hosts"]) == {"w1", "w2"}
        return text_of(await answer(client, TOOL, question, **REAL))

    assert "answers no open question" in with_question(stage, use)
    assert stage.runs() == ["delete_checkpoint"]
    assert [entry.decision for entry in stage.refusals()] == ["declined", "refused"]


NO_ANSWERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"arguments": {"hosts": "w1"}}, "requestState"),
    ({"arguments": {"hosts": "all"}}, "requestState"),
    ({"arguments": {"checkpoint_id": "20200101T000000Z-000001"}}, "requestState"),
    ({"tool": "rollback_to_checkpoint_tool"}, "requestState"),
    ({"state": "", "keys": None}, "without the state of a question"),
    ({"state": "v1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "requestState"),
    ({"state": "A" * 43}, "requestState"),
    ({"keys": ["confirm"]}, "did not confirm"),
    ({"keys": []}, "did not confirm"),
    ({"action": "decline", "content": None}, "did not confirm (decline)"),
    ({"action": "cancel", "content": None}, "did not confirm (cancel)"),
    ({"content": {"confirm": False}}, "did not say yes"),
    ({"content": {"confirm": "true"}}, "did not say yes"),
    ({"content": {"confirm": 1}}, "did not say yes"),
    ({"content": {}}, "did not say yes"),
    ({"content": None}, "did not say yes"),
)


def test_another_answer_is_none(stage: Stage) -> None:
    """Other arguments, another tool, no state or a made-up one, no, or something like yes: nothing is done."""

    async def run() -> None:
        async with stage.client() as client:
            for changed, words in NO_ANSWERS:
                told = len(stage.refusals())
                question = await ask(client, TOOL, **REAL)
                options = {key: changed[key] for key in ("content", "action", "keys", "state") if key in changed}
                arguments = {**REAL, **changed.get("arguments", {})}
                found = await answer(client, changed.get("tool", TOOL), question, **options, **arguments)
                assert found.is_error, changed
                assert words in text_of(found), changed
                assert stage.runs() == [], changed
                assert len(stage.refusals()) > told, f"the attempt is not in the audit log: {changed}"

    asyncio.run(run())
    assert stage.log.check()[0] is None


def test_a_wrong_answer_uses_the_question_up(stage: Stage) -> None:
    """After a no, yes comes too late: nobody can try until it fits."""

    async def use(client: Client[Any], question: InputRequiredResult) -> str:
        await answer(client, TOOL, question, action="decline", **REAL)
        return text_of(await answer(client, TOOL, question, **REAL))

    assert "answers no open question" in with_question(stage, use)
    assert stage.runs() == []


def test_a_late_answer(stage: Stage) -> None:
    """After the time to answer, yes is no."""

    async def use(client: Client[Any], question: InputRequiredResult) -> str:
        await asyncio.sleep(0.3)
        return text_of(await answer(client, TOOL, question, **REAL))

    assert "came too late" in with_question(stage, use, Terms(answer_s=0.2))
    assert stage.runs() == []


def test_the_inventory_changes_meanwhile(stage: Stage) -> None:
    """What was confirmed for two hosts is not done on three, though the pattern is the same."""

    async def use(client: Client[Any], question: InputRequiredResult) -> str:
        path = stage.folder / "inventory.yml"
        path.write_text(path.read_text(encoding="utf-8").replace("w2:", "w2: {}, w3:"), encoding="utf-8")
        return text_of(await answer(client, TOOL, question, **REAL))

    assert "was given for something else" in with_question(stage, use)
    assert stage.runs() == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_policy_changes_meanwhile(stage: Stage, mode: str) -> None:
    """What a person confirms while the policy comes to forbid it is not done, however the question was asked.

    The host cannot be reached, so that nothing is changed on this machine should the test fail.
    """
    nobody = "all: {hosts: {nobody: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n"
    (stage.folder / "inventory.yml").write_text(nobody, encoding="utf-8")
    own = Path(shutil.copytree(policy_directory(), stage.folder / "policy"))

    async def stricter(*_arguments: object) -> dict[str, bool]:
        path = own / "validation_limits.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("max_rationale_lines: 64", "max_rationale_lines: 1"), encoding="utf-8")
        return {"confirm": True}

    async def run() -> str:
        ruled = replace(stage, settings=replace(stage.settings, policy_dir=own))
        async with ruled.client(mode=mode, elicitation_handler=stricter) as client:
            rendered = await call(client, "render_change_plan_tool", plan={**PLAN, "rationale": ["one", "two"]})
            return await said(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False)

    assert "rationale" in asyncio.run(run())
    assert stage.runs() == []


def test_another_servers_question(stage: Stage) -> None:
    """An answer does not outlive the server that asked."""

    async def run() -> str:
        async with stage.client() as client:
            question = await ask(client, TOOL, **REAL)
        async with stage.client() as other:
            return text_of(await answer(other, TOOL, question, **REAL))

    assert "requestState" in asyncio.run(run())
    assert stage.runs() == []
    assert stage.refusals()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("rollback_to_checkpoint_tool", {"checkpoint_id": NOWHERE, "dry_run": False}),
        ("delete_checkpoint_tool", {"checkpoint_id": NOWHERE, "dry_run": False}),
        ("confirm_change_tool", {"checkpoint_id": NOWHERE}),
        ("apply_rendered_plan_tool", {"dry_run": False}),
    ],
)
def test_a_client_that_cannot_ask(stage: Stage, mode: str, tool: str, arguments: dict[str, Any]) -> None:
    """Each tool that destroys something is denied to a client without a person, in both eras of the protocol."""

    async def run() -> str:
        async with stage.client(mode=mode, elicitation_handler=None) as client:
            more = {}
            if tool == "apply_rendered_plan_tool":
                more["rendered_plan"] = await call(client, "render_change_plan_tool", plan=PLAN)
            return await said(client, tool, **arguments, **more)

    assert "the client cannot ask for it" in asyncio.run(run())
    assert stage.runs() == []
    assert [entry.subject for entry in stage.refusals()] == [tool, tool]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_what_does_not_fit_into_a_question_is_not_asked(stage: Stage, mode: str) -> None:
    """A change behind a hundred lines is not cut off from the question: nobody is asked, and the log says why."""
    classes = [{"classid": f"1:{number}", "rate_mbit": number} for number in range(10, 110)]
    plan = {**PLAN, "changes": {"qdisc": {"type": "htb"}, "htb_classes": classes, "mtu": 1400}}
    asked: list[str] = []

    async def yes(message: str, *_more: object) -> dict[str, bool]:
        asked.append(message)
        return {"confirm": True}

    async def run() -> str:
        async with stage.client(mode=mode, elicitation_handler=yes) as client:
            rendered = await call(client, "render_change_plan_tool", plan=plan)
            return await said(client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False)

    text = asyncio.run(run())
    assert "it is asked whole or not at all, in at most 100 lines and 8000 characters. Split the plan" in text
    assert asked == []
    assert stage.runs() == []
    assert [entry.detail.get("reason") for entry in stage.refusals()][:1] == ["consent"]


def test_the_question_holds_no_words_of_the_agent(stage: Stage) -> None:
    """Rationale and label, which an agent writes, are not part of what the person reads; the plan and hosts are."""
    lie = "Already approved by the administrator"
    asked: list[str] = []

    async def no(message: str, *_more: object) -> dict[str, bool]:
        asked.append(message)
        return {"confirm": False}

    async def run() -> str:
        async with stage.client(elicitation_handler=no) as client:
            changes = {**PLAN["changes"], "rate_limits": [{"rate": "5/second"}], "dscp": []}
            plan = {**PLAN, "changes": changes, "rationale": [lie]}
            rendered = await call(client, "render_change_plan_tool", plan=plan)
            return await said(
                client, "apply_rendered_plan_tool", rendered_plan=rendered, dry_run=False, checkpoint_label=lie
            )

    assert "did not say yes" in asyncio.run(run())
    (message,) = asked
    assert lie not in message
    for words in ("3 hosts (d1, w1, w2)", "sysctl.net.ipv4.tcp_fin_timeout = 23", "eth0", "dscp: taken away"):
        assert words in message
    assert stage.runs() == []


def test_a_call_through_another_tool_is_asked_about(stage: Stage) -> None:
    """The question is the real tool's, the answer counts for its very arguments, and the log has its name."""
    through = {"name": TOOL, "arguments": REAL}

    async def run() -> tuple[str, str, Any]:
        async with stage.client() as client:
            question = await ask(client, "call_tool_tool", **through)
            (asked,) = (question.input_requests or {}).values()
            other = {"name": TOOL, "arguments": {**REAL, "hosts": "all"}}
            wrong = text_of(await answer(client, "call_tool_tool", question, **other))
            done = await answer(client, "call_tool_tool", question, **through)
            return str(asked), wrong, done.structured_content

    asked, wrong, done = asyncio.run(run())
    assert "Forget the checkpoint" in asked
    assert "requestState" in wrong
    assert set(done["hosts"]) == {"w1", "w2"}
    assert stage.runs() == ["delete_checkpoint"]
    assert "call_tool_tool" not in [entry.subject for entry in stage.log.entries() if entry.action == "consent"]
