"""Which names a branch may have: an allow-list, because `git check-ref-format` passes names that harm."""

import re
import unicodedata
from collections.abc import Collection

from roadmark.executor.workspace.errors import WorkspaceError

DEFAULT_PROTECTED = ("main", "master")
LIMIT_BYTES = 200
_MARKS = frozenset("._-/")
_WRITTEN = frozenset({"Ll", "Lu", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"})
_OBJECT_NAME = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?")
_OWN_MEANING = re.compile(
    r"(?i:HEAD|stash)|[A-Z_]+_HEAD|AUTO_MERGE|BISECT_EXPECTED_REV|NOTES_MERGE_(?:PARTIAL|REF)"
)
_RESERVED = ("refs", "heads", "tags", "remotes")
# A branch of such a name goes before the remote's in `git merge origin/main`; HEAD/x stops others' fetches.
_MISTAKEN = ("origin", "upstream", "head")
# Letters and marks by their Unicode category, though nobody can see them.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Letters by their category, but drawn as apostrophes, slashes, colons, dots and exclamation marks.
_DRAWN_AS_MARKS = re.compile(
    "[\u01c0-\u01c3\u02b9\u02ba\u02bc\u02bd\u02c8\u02ca-\u02cd\u0334-\u0338\ua4f8-\ua4fd\ua78b\ua78c]"
)
# Alphabets with many letters drawn as Latin ones; such letters of Latin itself, of Greek and Armenian.
_LIKE_LATIN = frozenset({"CYRILLIC", "CHEROKEE", "LISU", "COPTIC", "DESERET", "OLD"})
_PLAIN = str.maketrans("\u0131\u0251\u0261\u0269", "iagi")
_TWINS = frozenset("οναικρυΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսոգհ")


class BranchNameRefused(WorkspaceError):
    """The name cannot be given to a branch."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"branch name {name[:80]!a} is refused: {reason}; use one like feature/my-change")


def check_branch_name(name: str, protected: Collection[str] = DEFAULT_PROTECTED) -> None:
    """Return where the name may be used; `protected` names (compared without case) may not.

    Letters and digits of any script are allowed in normal form C, but not beside Latin letters where they
    look like one.

    Raises: BranchNameRefused.
    """
    reason = _shape(name) or _letters(name) or _meaning(name, protected)
    if reason is not None:
        raise BranchNameRefused(name, reason)


def _shape(name: str) -> str | None:
    parts = name.split("/")
    if not name:
        return "it is empty"
    if len(name.encode("utf-8", "surrogatepass")) > LIMIT_BYTES:
        return f"it is longer than {LIMIT_BYTES} bytes"
    if not all(parts):
        return "it starts or ends with '/' or has two in a row"
    if any(part[0] in ".-" for part in parts):
        return "a part of it starts with '.' or '-'"
    if any(part.endswith(".") or part.lower().endswith(".lock") for part in parts):
        return "a part of it ends with '.' or '.lock'"
    return "it has '..'" if ".." in name else None


def _letters(name: str) -> str | None:
    for letter in name:
        if not (letter in _MARKS or _is_plain(letter)):
            return f"it has the character U+{ord(letter):04X}; letters, digits and '._-/' are allowed"
    if unicodedata.normalize("NFC", name) != name:
        return "its letters are not in Unicode normal form C"
    words = re.split(r"[._\-/]", name)
    if any(word and unicodedata.category(word[0]).startswith("M") for word in words):
        return "a combining mark stands without its letter"
    if any(map(_deceives, words)):
        return "it mixes Latin letters with others that look the same"
    return None


def _meaning(name: str, protected: Collection[str]) -> str | None:
    folded = name.casefold()
    if _OBJECT_NAME.fullmatch(name):
        return "it looks like the name of a commit"
    if _OWN_MEANING.fullmatch(name):
        return "git gives that name a meaning of its own"
    first, _, rest = folded.partition("/")
    if first in _RESERVED:
        return "it starts like a full ref name"
    if rest and first in _MISTAKEN:
        return "it could be mistaken for a branch of a remote"
    if {folded, folded.translate(_PLAIN)} & {other.casefold() for other in protected}:
        return "it is protected, or looks like one that is"
    return None


def _is_plain(letter: str) -> bool:
    """A letter, digit or mark that a script is written with; not invisible, not drawn as plain ASCII."""
    if letter.isascii():
        return letter.isalnum()
    if (
        unicodedata.category(letter) not in _WRITTEN
        or _INVISIBLE.match(letter)
        or _DRAWN_AS_MARKS.match(letter)
    ):
        return False
    return not unicodedata.normalize("NFKC", letter).isascii()


def _deceives(word: str) -> bool:
    """Whether Latin letters stand beside those of an alphabet, or beside single letters, drawn like Latin."""
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in word}
    return "LATIN" in scripts and not (_LIKE_LATIN.isdisjoint(scripts) and _TWINS.isdisjoint(word))
