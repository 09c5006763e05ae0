"""What an agent is told, from templates/prompt; a folder of the person's own comes first."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from roadmark.executor.masking import mask
from roadmark.executor.model import Migration, PhaseRun, Task, TaskFile, TaskItem
from roadmark.templates import prompts_folder

TEMPLATE = "phase.md.j2"


class Prompts:
    """Renders prompts."""

    def __init__(self, own_folder: Path | None) -> None:
        folders = [folder for folder in (own_folder, prompts_folder()) if folder is not None]
        # A prompt is text for a model, not HTML: nothing is escaped.
        self._environment = SandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )

    def phase(
        self,
        *,
        task: Task,
        migration: Migration,
        run: PhaseRun,
        items: Sequence[TaskItem],
        files: Sequence[TaskFile],
        workspace: Path,
        nonce: str,
    ) -> str:
        """The prompt of one attempt, without anything that looks like a secret."""
        sections = task.sections
        text = self._environment.get_template(TEMPLATE).render(
            title=task.title,
            phase=run.phase,
            phase_count=migration.phase_count,
            name=run.name,
            items=[item.text for item in items if item.mark != "x"],
            files=files,
            standards=[f"{entry['label']}: {entry['value']}" for entry in sections.get("code_standards", [])],
            criteria=[entry["text"] for entry in sections.get("success_criteria", [])],
            feedback=run.feedback,
            workspace=str(workspace),
            keywords=migration.policy.keywords,
            nonce=nonce,
        )
        return mask(text)
