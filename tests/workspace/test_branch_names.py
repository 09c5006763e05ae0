"""The allow-list of branch names, name by name."""

import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.workspace.branch_names import BranchNameRefused, check_branch_name

ALLOWED = [
    "feature/migration-infrastructure",
    "fix-42",
    "a",
    "7",
    "release/2.1.0",
    "user_name/topic.one",
    "UPPER/Case",
    "v1.0",
    "deadbeef",
    "0123456789abcdef0123456789abcdef0123456",  # 39 digits of a hash: no object has that name
    "feature/größe-ändern",
    "fonction/été",
    "função/coração",
    "ветка/исправление",
    "κλάδος/διόρθωση",
    "機能/移行",
    "ブランチ/修正",
    "분기/수정",
    "فرع/إصلاح",
    "ענף/תיקון",
    "สาขา/ทำงาน",
    "शाखा/सुधार",
    "fix日本語",
    "ahead",
    "overhead/masthead",
    "feature/head",
    "mainline",
    "feature/main",
    "master-plan",
    "x.locker",
    "locked",
    "λ-calculus",
    "нова",
    "feature/ünïcödé_2",
    "stash-the-data",
    "original/idea",
    "header/x",
    "tagsoup",
    "refs-cleanup",
    "a--b",
    "v1.0.0-rc.1",
    "\u0131ss\u0131z",
    "straße",
    "ノート/修正",
    "main/part",
]

REFUSED = [
    "",
    " ",
    "a b",
    "a\tb",
    "a\nb",
    "a\rb",
    "a\0b",
    "a\x7fb",
    "a\x1b[31mb",
    "a\x9bb",
    "-",
    "-f",
    "--force",
    "--upload-pack=touch${IFS}x",
    "-delete",
    "feature/-x",
    ".",
    "..",
    ".hidden",
    "a/.hidden",
    "a..b",
    "../escape",
    "a/../b",
    "a/./b",
    "/",
    "/a",
    "a/",
    "a//b",
    "//",
    "a.",
    "a./b",
    "a.lock",
    "a.LOCK",
    "a.lock/b",
    ".lock",
    "@",
    "a@{0}",
    "a@{upstream}",
    "@{-1}",
    "user@host",
    "a~1",
    "a^",
    "a^{commit}",
    "a:b",
    "a?",
    "a*",
    "a[b",
    "a]b",
    "a\\b",
    "a'b",
    'a"b',
    "a`id`",
    "$(id)",
    "${HOME}",
    "a;id",
    "a|id",
    "a&id",
    "a&&id",
    "a>b",
    "a<b",
    "a(b",
    "a{b}",
    "a,b",
    "a!b",
    "a#b",
    "a%b",
    "a%2e%2e",
    "a+b",
    "a=b",
    "HEAD",
    "head",
    "Head",
    "FETCH_HEAD",
    "ORIG_HEAD",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "AUTO_MERGE",
    "main",
    "MAIN",
    "Master",
    "master",
    "refs/heads/x",
    "refs/x",
    "REFS/heads/x",
    "heads/x",
    "tags/v1",
    "remotes/origin/x",
    "0123456789abcdef0123456789abcdef01234567",
    "0123456789ABCDEF0123456789ABCDEF01234567",
    "a" * 40,
    "f" * 64,
    "a" * 201,
    "ü" * 101,
    "a/" * 101 + "a",
    # letters that are not in normal form C
    "cafe\u0301",
    "n\u0303",
    "\u1112\u1161\u11ab",
    "\u212b",
    # direction marks, joiners, invisible and tag characters
    "a\u202eb",
    "a\u202ab",
    "a\u2066b",
    "a\u2069b",
    "a\u200eb",
    "a\u200fb",
    "a\u061cb",
    "a\u200bb",
    "a\u200cb",
    "a\u200db",
    "a\u2060b",
    "a\ufeffb",
    "\ufeffmain",
    "a\u00adb",
    "a\u034fb",
    "a\u115fb",
    "a\u1160b",
    "a\u3164b",
    "a\uffa0b",
    "a\ufe0fb",
    "a\U000e0061b",
    "a\U000e0101b",
    "a\u180eb",
    # other spaces, ends of lines and look-alikes of what is forbidden
    "a\u00a0b",
    "a\u2003b",
    "a\u3000b",
    "a\u2028b",
    "a\u2029b",
    "a\u0085b",
    "a\u2024\u2024b",
    "a\u2215b",
    "a\u2044b",
    "a\uff0fb",
    "a\uff0eb",
    "\u2010x",
    "\u2013x",
    "\u2014force",
    "\uff0dx",
    # letters drawn as plain ones
    "m\u0430in",
    "\u043cain",
    "m\u03b1in",
    "mas\u0442er\u0435",
    "r\u0435lease",
    "\uff4d\uff41\uff49\uff4e",
    "\U0001d426\U0001d41a\U0001d422\U0001d427",
    "\u2115ew",
    "\ufb01x",
    "x\u00b2",
    "\u2460",
    # marks without a letter, unassigned, private, surrogates, pictures, symbols
    "\u0301x",
    "a/\u0301x",
    "a\u0378b",
    "a\ue000b",
    "a\ud800b",
    "a\U0010fffdb",
    "feature/\U0001f680",
    # what git or a remote has a meaning for
    "stash",
    "BISECT_EXPECTED_REV",
    "NOTES_MERGE_PARTIAL",
    "NOTES_MERGE_REF",
    "refs",
    "heads",
    "tags",
    "remotes",
    "origin/main",
    "Origin/feature",
    "upstream/x",
    "HEAD/x",
    "head/x",
    # letters drawn as marks or as plain letters of a protected name
    "\u01c3force",
    "a\u01c0b",
    "a\u02bcb",
    "a\u02b9b",
    "a\ua78cb",
    "a\ua4f8\ua4f8b",
    "a\u0338b",
    "ma\u0131n",
    "m\u0251in",
    "m\ua4eein",
    "\u13b7ain",
    "a\u20acb",
    "a\u2713b",
    "a\u00b7b",
]


@pytest.mark.parametrize("name", ALLOWED)
def test_a_name_that_people_use_is_allowed(name: str) -> None:
    check_branch_name(name)


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_that_could_do_harm_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(BranchNameRefused) as caught:
        check_branch_name(name)

    assert caught.value.reason
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_git_takes_every_name_that_is_allowed() -> None:
    for name in ALLOWED:
        said = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=True)
        assert said.stdout.decode().strip() == name


def test_there_are_enough_of_them() -> None:
    assert len(set(ALLOWED)) + len(set(REFUSED)) >= 137
    assert set(ALLOWED).isdisjoint(REFUSED)


def test_what_is_protected_can_be_set() -> None:
    check_branch_name("main", protected=())
    with pytest.raises(BranchNameRefused, match="protected"):
        check_branch_name("Release", protected=("release",))


@given(st.text(max_size=60))
def test_whatever_is_allowed_is_harmless(name: str) -> None:
    try:
        check_branch_name(name)
    except BranchNameRefused:
        return
    assert unicodedata.normalize("NFC", name) == name
    assert name.isprintable()
    assert not name.startswith(("-", ".", "/"))
    assert not {*name} & set(" ~^:?*[]\\@{}$`'\"|&;<>()!#%,+=")
