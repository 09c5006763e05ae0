"""Keeps what looks like a secret out of rows, logs, prompts and pages (safety.md section 5)."""

import re

HIDDEN = "[secret removed]"

_PATTERNS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\brm[klrs]_[A-Za-z0-9_-]{20,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}"
    r"|(?<=://)[^\s/:@]{1,200}:[^\s/@]{1,200}(?=@)",
    re.DOTALL,
)


_MARKS = (
    *("PRIVATE KEY", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-", "AKIA", "ASIA"),
    *("xox", "rmk_", "rml_", "rmr_", "rms_", "AIza", "eyJ", "://"),
)
"""Each secret holds one of these. Most lines have none, and looking for them first is quick."""


def mask(text: str) -> str:
    """The text with everything that has the shape of a known kind of secret replaced."""
    return _PATTERNS.sub(HIDDEN, text) if any(mark in text for mark in _MARKS) else text
