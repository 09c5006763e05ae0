"""What a spec file says, as values; each knows the line it stands on (from 1) and its raw text.

``None`` means that the file does not say it. Nothing here is a decision: defaults and limits are the
operator's policy and are applied by whoever runs the spec.
Source: ingest.md sections 1, 2 and 7 of the design.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from roadmark.ingest.problems import Problem, Severity

TYPES = (
    "feature",
    "bugfix",
    "refactor",
    "migration",
    "testing",
    "documentation",
    "deployment",
    "performance",
    "security",
)
PRIORITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: its text without marker, box and emphasis."""

    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A ``- **Label**: value`` line; ``entries`` are the nested bullets, or the value cut at its commas."""

    label: str
    value: str
    line: int
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A titled list inside a section, such as the unit tests of the testing strategy."""

    title: str
    line: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with everything under it; ``end_line`` is the last line that belongs to it."""

    title: str
    number: str
    level: int
    line: int
    end_line: int
    text: str
    kind: str = ""
    """The normalised name of the section, such as ``phases`` or ``risks``; empty when it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkbox:
    """A box of the file.

    ``key`` names it across edits elsewhere in the file (section path, normalised text, ordinal).
    ``line`` is where the item starts; ``mark_line`` and ``column`` (bytes, from 1) are the exact place of
    the mark's byte, nearly always on the same line.
    """

    key: str
    text: str
    mark: str
    """One of ``" "``, ``"x"``, ``"~"``, ``"-"``, ``"/"``."""
    line: int
    mark_line: int
    column: int
    section: str
    """The titles from the section down to the nearest heading, joined by `` / ``."""
    depth: int = 1
    optional: bool = False
    parallel: bool = False
    """May run beside its neighbours (Spec Kit's ``[P]``)."""
    requirements: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the box is ticked."""
        return self.mark == "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the work that is carried out and confirmed as one."""

    number: str
    name: str
    hours: float | None
    status: str | None
    line: int
    end_line: int
    text: str
    """The raw Markdown of the phase, heading included."""
    items: tuple[Checkbox, ...] = ()
    bullets: tuple[Entry, ...] = ()
    """What the phase lists when it owns no boxes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file that the spec wants to create, modify, delete or move."""

    path: str
    purpose: str
    line: int
    text: str
    target: str | None = None
    """Where a moved file goes."""
    is_directory: bool = False
    is_glob: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the path names one file: no folder, no pattern, no words such as "all the tests"."""
        return not (self.is_directory or self.is_glob or " " in self.path) and bool(self.path)


@dataclass(frozen=True, slots=True)
class Files:
    """The declared file changes, by kind."""

    create: tuple[FileChange, ...] = ()
    modify: tuple[FileChange, ...] = ()
    delete: tuple[FileChange, ...] = ()
    move: tuple[FileChange, ...] = ()

    def all(self) -> tuple[FileChange, ...]:
        """Every declared change, in the order create, modify, delete, move."""
        return self.create + self.modify + self.delete + self.move


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """A risk with its level (high, medium, low; None where the file gives none) and its mitigation."""

    level: str | None
    text: str
    mitigation: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Automation:
    """How far the spec asks to run by itself; a request, never a permission (safety rule R1)."""

    automation_level: str | None = None
    confirmation_required: bool | None = None
    max_attempts: int | None = None
    git_branch_required: bool | None = None
    new_chat_required: bool | None = None
    line: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionContext:
    """The AI execution context; ``values`` holds every key as written, unknown ones included."""

    requires_new_chat: bool | None = None
    git_branch_name: str | None = None
    confirmation_keywords: tuple[str, ...] = ()
    fallback_detection: bool | None = None
    max_confirmation_attempts: int | None = None
    timeout_seconds: float | None = None
    migration_phases: tuple[str, ...] = ()
    critical_files: tuple[str, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    line: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The deployment checklist: gates before, during and after the deployment."""

    pre: tuple[Entry, ...] = ()
    during: tuple[Entry, ...] = ()
    post: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalRequirements:
    """The technical requirements section, list by list."""

    tech_stack: tuple[str, ...] = ()
    architecture: str | None = None
    database_changes: tuple[str, ...] = ()
    api_changes: tuple[str, ...] = ()
    frontend_changes: tuple[str, ...] = ()
    backend_changes: tuple[str, ...] = ()
    other: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One spec file, read. With an error among its problems it cannot be executed. Hours are plain hours."""

    path: str
    format: str
    title: str
    text: str
    """The whole file as text, front matter included."""
    description: str = ""
    """The text without its front matter."""
    title_line: int = 1
    type: str | None = None
    priority: str | None = None
    category: str | None = None
    status: str | None = None
    estimated_hours: float | None = None
    estimated_hours_min: float | None = None
    dependencies: tuple[str, ...] = ()
    related_issues: tuple[str, ...] = ()
    overview: tuple[Field, ...] = ()
    requirements: TechnicalRequirements = TechnicalRequirements()
    phases: tuple[Phase, ...] = ()
    items: tuple[Checkbox, ...] = ()
    """Every box of the file in order, phase work or not."""
    files: Files = Files()
    code_standards: tuple[Field, ...] = ()
    security: tuple[Entry, ...] = ()
    performance: tuple[Field, ...] = ()
    """The targets that measured figures are held against."""
    testing: tuple[Group, ...] = ()
    documentation: tuple[Group, ...] = ()
    deployment: Deployment = Deployment()
    rollback_plan: tuple[Entry, ...] = ()
    success_criteria: tuple[Entry, ...] = ()
    success_indicators: tuple[Entry, ...] = ()
    risks: tuple[Risk, ...] = ()
    references: tuple[Field, ...] = ()
    automation: Automation = Automation()
    context: ExecutionContext = ExecutionContext()
    metadata: Mapping[str, object] = field(default_factory=dict)
    """The seed's mapping keys, and ours under ``extra``."""
    front_matter: Mapping[str, object] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    problems: tuple[Problem, ...] = ()
    role: str = "task"
    """``task``, or what part of a task's family the file is: ``index``, ``phase``, ``analysis``."""
    is_spec: bool = True
    """False for a Markdown file that is no spec at all; such a file is listed, never an error."""

    @property
    def can_execute(self) -> bool:
        """Whether a migration may be started from this spec."""
        if not self.is_spec or self.role == "index":
            return False
        return not any(found.severity is Severity.ERROR for found in self.problems)
