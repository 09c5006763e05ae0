"""Headings as people write them: number, emoji, emphasis and status taken apart; known sections by name."""

# ruff: noqa: RUF001 - real files use these dashes, quotes and colons

import re
from dataclasses import dataclass
from functools import lru_cache

from roadmark.ingest.plain import plain, squeeze, without_emoji, words_of

_NUMBER = re.compile(r"^(?:§\s*)?(\d+(?:\.\d+)*|[IVX]+(?=\.))(?:[.):]\s*|\s+-\s+|\s+)(?=\S)")
_STATUS_WORD = (
    r"(?:fully |partially |mostly |successfully |already )?"
    r"(?:completed?|done|finished|implemented|in[ _-]progress|pending|planned|not[ _-]started|ready|"
    r"blocked|cancelled|canceled|skipped|todo|to do|verified|fixed|resolved|updated|new|partial|"
    r"abgeschlossen|erledigt|fertig|offen|geplant|in arbeit)"
)
_STATUS_TAIL = re.compile(
    rf"(?:\s*[-–—:|]\s*|\s+)?(?:[(\[]\s*{_STATUS_WORD}\b[^)\]]*[)\]]"
    rf"|(?<=[-–—:|]\s){_STATUS_WORD}(?:\s*[-–—(].*)?)\s*$",
    re.I,
)
_UPPER_TAIL = re.compile(
    r"\s+(?:COMPLETED?|DONE|FINISHED|IMPLEMENTED|IN[ _-]PROGRESS|PENDING|PLANNED|NOT[ _-]STARTED|BLOCKED"
    r"|VERIFIED|UPDATED|NEW|FIXED)(?:\s*[-–—(].*)?$"
)
_LENGTH = 500
_BRACKETS = re.compile(r"[(\[（][^()\[\]（）]*[)\]）]")
_PHASE_LEAD = re.compile(
    r"^\W*(?:sub-?)?(?:phase|task|step|stage)\s*\d+(?:\.\d+)*[a-z]?\s*[:：.–—-]\s*(?=\S)", re.I
)
_MARKED_TAIL = re.compile("\\s*[\u2705\u2714\u2611\u274c\u23f3\u26a0\U0001f504\U0001f6a7\U0001f389].*$")

SECTIONS: dict[str, tuple[str, ...]] = {
    "overview": (
        "project overview",
        "task overview",
        "overview",
        "feature overview",
        "subtask overview",
        "phase overview",
        "project information",
        "general information",
        "projektübersicht",
        "übersicht",
        "überblick",
        "项目概述",
        "概述",
        "プロジェクト概要",
        "概要",
    ),
    "requirements": (
        "technical requirements",
        "updated technical requirements",
        "technical specification",
        "technical specifications",
        "technical details",
        "technische anforderungen",
        "技术要求",
        "技术需求",
        "技術要件",
    ),
    "files": (
        "file impact analysis",
        "file impact",
        "files impact analysis",
        "file changes",
        "files affected",
        "files",
        "affected files",
        "dateien",
        "betroffene dateien",
        "dateiänderungen",
        "文件影响分析",
        "文件变更",
        "ファイル影響分析",
    ),
    "files_create": (
        "files to create",
        "files created",
        "new files",
        "new files to create",
        "new files created",
        "new files required",
        "test files to create",
        "files to add",
        "create files",
        "files to be created",
        "created files",
        "neue dateien",
        "zu erstellende dateien",
        "要创建的文件",
        "新建文件",
        "作成するファイル",
    ),
    "files_modify": (
        "files to modify",
        "files modified",
        "files to update",
        "files updated",
        "files to enhance",
        "files enhanced",
        "files to change",
        "files changed",
        "modified files",
        "updated files",
        "files to be modified",
        "test files to update",
        "files to refactor",
        "files to edit",
        "existing files to modify",
        "zu ändernde dateien",
        "geänderte dateien",
        "要修改的文件",
        "修改文件",
        "変更するファイル",
    ),
    "files_delete": (
        "files to delete",
        "files deleted",
        "files to remove",
        "files removed",
        "deleted files",
        "removed files",
        "files to be deleted",
        "zu löschende dateien",
        "要删除的文件",
        "删除文件",
        "削除するファイル",
    ),
    "files_move": (
        "files to move",
        "files moved",
        "files to rename",
        "files renamed",
        "moved files",
        "zu verschiebende dateien",
        "要移动的文件",
        "移動するファイル",
    ),
    "phases": (
        "implementation phases",
        "phases",
        "phase breakdown",
        "implementation steps",
        "implementation plan",
        "revised phase breakdown",
        "subtask breakdown",
        "development phases",
        "migration phases",
        "steps",
        "tasks",
        "task breakdown",
        "detailed implementation phases",
        "umsetzungsphasen",
        "implementierungsphasen",
        "phasen",
        "umsetzungsschritte",
        "arbeitsschritte",
        "实施阶段",
        "实现阶段",
        "実装フェーズ",
    ),
    "action_plan": ("recommended action plan", "action plan", "recommended actions", "maßnahmenplan"),
    "standards": (
        "code standards and patterns",
        "code standards",
        "coding standards",
        "codestandards",
        "代码规范",
    ),
    "security": ("security considerations", "security requirements", "security", "sicherheit", "安全考虑"),
    "performance": (
        "performance requirements",
        "performance targets",
        "performance",
        "leistungsanforderungen",
        "性能要求",
    ),
    "testing": ("testing strategy", "test strategy", "testing requirements", "teststrategie", "测试策略"),
    "documentation": ("documentation requirements", "documentation", "dokumentation", "文档要求"),
    "deployment": ("deployment checklist", "deployment", "deployment plan", "bereitstellung", "部署清单"),
    "rollback": ("rollback plan", "rollback strategy", "rollback", "rückfallplan", "回滚计划"),
    "criteria": (
        "success criteria",
        "acceptance criteria",
        "definition of done",
        "erfolgskriterien",
        "akzeptanzkriterien",
        "成功标准",
        "成功基準",
    ),
    "risks": ("risk assessment", "risks", "risk analysis", "risks and mitigations", "risiken", "风险评估"),
    "automation": (
        "ai auto implementation instructions",
        "auto implementation instructions",
        "ai implementation instructions",
        "ai auto implementation",
        "automation instructions",
    ),
    "task_fields": ("task database fields", "database fields", "task fields"),
    "context": ("ai execution context", "execution context", "ausführungskontext"),
    "indicators": ("success indicators", "erfolgsindikatoren", "成功指标"),
    "references": ("references and resources", "references", "resources", "referenzen", "参考资料"),
    "mapping": (
        "database task creation instructions",
        "task creation instructions",
        "database task creation",
    ),
    "dependencies": ("dependencies", "abhängigkeiten", "依赖"),
    "time": (
        "estimated time",
        "time estimate",
        "estimated effort",
        "estimated duration",
        "geschätzter aufwand",
    ),
    "usage": ("usage instructions",),
}
_KIND_OF = {words_of(name): kind for kind, names in SECTIONS.items() for name in names}


@dataclass(frozen=True, slots=True)
class Title:
    """A heading taken apart; ``kind`` is a key of SECTIONS or empty."""

    text: str
    number: str
    kind: str


@lru_cache(maxsize=4096)
def read_title(raw: str) -> Title:
    """The parts of a raw heading.

    >>> read_title("## 4. **Implementation Phases** ✅ COMPLETED:".lstrip("# "))
    Title(text='Implementation Phases', number='4', kind='phases')
    """
    words = plain(raw[:_LENGTH]).rstrip(":： ")
    words = without_status(words)
    words = squeeze(without_emoji(words)).strip(" :：-–—")
    found = _NUMBER.match(words)
    number = found[1] if found else ""
    text = words[found.end() :] if found else words
    return Title(text, number, kind_of(text))


@lru_cache(maxsize=4096)
def stable_title(title: str) -> str:
    """A title without what changes while work goes on: phase number, time, brackets and status.

    >>> stable_title("Phase 2: Core (4 hours)")
    'Core'
    """
    bare = without_status(_BRACKETS.sub(" ", title))
    name = _PHASE_LEAD.sub("", bare)
    return squeeze(name) or squeeze(bare) or title


def kind_of(title: str) -> str:
    """The known section that a title names, or an empty string."""
    words = title.replace("&", " and ")
    found = _KIND_OF.get(words_of(words), "")
    return found if found or "(" not in words else _KIND_OF.get(words_of(_BRACKETS.sub(" ", words)), "")


def without_status(title: str) -> str:
    """The title without a trailing ``✅ ...``, ``- COMPLETED`` or ``(in progress)``."""
    lead = squeeze(without_emoji(title[:4]))
    tail = title if lead == squeeze(title[:4]) else lead + title[4:]
    for pattern in (_MARKED_TAIL, _STATUS_TAIL, _UPPER_TAIL):
        shorter = pattern.sub("", tail)
        tail = shorter if shorter.strip() else tail
    return tail
