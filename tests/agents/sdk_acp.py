"""An agent written with the protocol's own SDK, as its authors mean one to be."""

import asyncio
from pathlib import Path
from typing import Any

import acp
from acp import schema


class Peer(acp.Agent):
    """Plans, thinks, asks, writes, tells its usage and ends; `wait` in the prompt waits to be cancelled."""

    def on_connect(self, conn: acp.Client) -> None:
        self._client = conn
        self._cancelled = asyncio.Event()

    async def initialize(self, protocol_version: int, **_: Any) -> acp.InitializeResponse:
        return acp.InitializeResponse(
            protocol_version=protocol_version,
            agent_capabilities=schema.AgentCapabilities(load_session=True),
        )

    async def new_session(self, cwd: str, **_: Any) -> acp.NewSessionResponse:
        self._cwd = Path(cwd)
        return acp.NewSessionResponse(session_id="new-chat")

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> acp.LoadSessionResponse:
        self._cwd = Path(cwd)
        await self._tell(session_id, acp.update_agent_message_text("done long ago"))
        return acp.LoadSessionResponse()

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> acp.PromptResponse:
        if prompt[0].text == "wait":
            await self._tell(session_id, acp.update_agent_message_text("waiting"))
            await self._cancelled.wait()
            return acp.PromptResponse(stop_reason="cancelled")
        await self._tell(session_id, acp.update_agent_thought_text("hm"))
        await self._tell(session_id, acp.update_plan([acp.plan_entry("one", status="in_progress")]))
        await self._tell(session_id, acp.start_edit_tool_call("t", "write it", "made.txt", "made\n"))
        if await self._may_write(session_id):
            (self._cwd / "made.txt").write_text("made\n")
        await self._tell(session_id, acp.update_tool_call("t", status="completed"))
        cost = schema.Cost(amount=0.5, currency="USD")
        used = schema.UsageUpdate(session_update="usage_update", used=9, size=100, cost=cost)
        await self._tell(session_id, used)
        await self._tell(session_id, acp.update_agent_message_text("done"))
        return acp.PromptResponse(stop_reason="end_turn")

    async def cancel(self, session_id: str, **_: Any) -> None:
        self._cancelled.set()

    async def _tell(self, session_id: str, update: Any) -> None:
        await self._client.session_update(session_id, update)

    async def _may_write(self, session_id: str) -> bool:
        options = [
            schema.PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
            schema.PermissionOption(option_id="no", name="Reject", kind="reject_once"),
        ]
        place = [schema.ToolCallLocation(path="made.txt")]
        call = schema.ToolCallUpdate(tool_call_id="t", title="write it", kind="edit", locations=place)
        answer = await self._client.request_permission(session_id, call, options)
        return isinstance(answer.outcome, schema.AllowedOutcome) and answer.outcome.option_id == "yes"


if __name__ == "__main__":
    asyncio.run(acp.run_agent(Peer()))
