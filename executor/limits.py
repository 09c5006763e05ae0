"""The operator's limits on what may start: slots an agent."""

from collections.abc import Mapping

from roadmark.executor.config import Settings


def agent_slots(settings: Settings) -> Mapping[str, int]:
    """How many sessions each agent may have at once, where `[agents.NAME] slots` says so."""
    return {
        name: int(agent.options["slots"])
        for name, agent in settings.agents.items()
        if isinstance(agent.options.get("slots"), int)
    }
