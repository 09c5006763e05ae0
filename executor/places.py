"""Where each migration's files lie: its workspace, its agent's home, its logs."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.config import Settings
from roadmark.executor.workspace.clone import clone_of
from roadmark.executor.workspace.place import Place


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one service."""

    repository: Path
    state_dir: Path

    def of(self, migration_id: str) -> Place:
        """The migration's place."""
        return Place(repository=self.repository, state_dir=self.state_dir, migration=migration_id)

    def workspace(self, migration_id: str) -> Path:
        """Where the agent works."""
        return self.state_dir.resolve() / "workspaces" / migration_id

    def home(self, migration_id: str) -> Path:
        """The agent's HOME."""
        return self.state_dir.resolve() / "homes" / migration_id

    def notes(self, migration_id: str) -> Path:
        """What hooks write down for themselves; agents do not see it."""
        return self.state_dir.resolve() / "migrations" / migration_id / "notes"

    def log(self, migration_id: str, phase: int, number: int) -> Path:
        """The log of one attempt."""
        return self.logs / migration_id / f"{phase}-{number}.log"

    def facts(self, migration_id: str) -> Path:
        """What is known of the workspace for as long as its checkpoints are kept."""
        return self.state_dir.resolve() / "migrations" / migration_id / "facts.json"

    @property
    def marker(self) -> str:
        """What every process of this service carries in its environment as ROADMARK_STATE."""
        return hashlib.sha256(os.fsencode(self.state_dir.resolve())).hexdigest()[:16]

    @property
    def logs(self) -> Path:
        """The folder of all logs."""
        return self.state_dir.resolve() / "logs"


def places_of(settings: Settings) -> Places:
    """The folders that the settings name; with a remote the repository is a clone in the state directory."""
    remote = settings.git_remote
    return Places(clone_of(settings.state_dir, remote) if remote else settings.repo, settings.state_dir)
