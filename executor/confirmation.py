"""What people and agents say about being done: a person's whole reply, an agent's last words.

These functions only read; whether the work is done is decided with the evidence in ``verdict.py``. Substring
search is wrong on more than half of real replies ("not done", "unfertig"), so replies are understood
word for word, and what is not understood is asked again.
"""

from collections.abc import Sequence

from roadmark.executor.claims import Claim, ClaimKind, claim
from roadmark.executor.letter import without_frame, without_signature
from roadmark.executor.refusal import reads_as_refusal
from roadmark.executor.sentence import adds_nothing, affirms, has_keyword, reports, split_sentences
from roadmark.executor.utterance import Keywords, clean, fold, tokenise
from roadmark.ingest.prose import LineKind, inline_text, scan

__all__ = ["Claim", "ClaimKind", "claim", "reads_as_confirmation", "reads_as_refusal"]

MOST_REPLY_CHARACTERS = 8192
MOST_REPORT_WORDS = 30

_NEVER_CONFIRMS = frozenset(
    {LineKind.CODE, LineKind.HEADING, LineKind.OPEN_BOX, LineKind.TABLE, LineKind.HTML}
)


def reads_as_confirmation(text: str, keywords: Sequence[str]) -> bool:
    """Whether a person's whole reply says, with one of the keywords, that the phase is accepted.

    The whole message counts: at most six plain words around a keyword, no negation, condition, future,
    question, quotation, code, heading or open box. Quoted lines (``> ...``), greetings and signatures are
    left out of the reading; a short report without any reserve may go before ("All tests pass. Done.").

    >>> reads_as_confirmation("Ja, alles fertig!", ["fertig", "done"])
    True
    >>> reads_as_confirmation("not done yet", ["fertig", "done"])
    False

    Source: execution design, section 6.
    """
    if len(text) > MOST_REPLY_CHARACTERS:
        return False
    wanted = Keywords(keywords)
    own = _own_words(without_signature(clean(text).strip(), wanted))
    if own is None:
        return False
    if " ".join(fold(own).split()).rstrip(".!… ") in wanted.plain:
        return True
    folded = fold(without_frame(own, wanted))
    return affirms(tokenise(folded, wanted)) or _affirms_in_sentences(folded, wanted)


def _affirms_in_sentences(folded: str, wanted: Keywords) -> bool:
    """Whether sentences confirm, with a short report before ("... pass. Done.") and only "go on" after."""
    sentences = [sentence for line in folded.split("\n") for sentence in split_sentences(line)]
    spoken = [tokenise(sentence, wanted) for sentence in sentences]
    last = max((at for at, tokens in enumerate(spoken) if has_keyword(tokens)), default=-1)
    if last < 0 or len(folded.split()) > MOST_REPORT_WORDS:
        return False
    before, after = spoken[:last], spoken[last + 1 :]
    return (
        affirms(spoken[last])
        and all(affirms(tokens) or reports(tokens) for tokens in before)
        and all(adds_nothing(tokens) for tokens in after)
    )


def _own_words(message: str) -> str | None:
    """The reply without quoted lines and list marks; None where its structure already rules it out."""
    lines = scan(message)
    if any(line.kind in _NEVER_CONFIRMS or "](" in line.text for line in lines):
        return None
    kept = [line.text for line in lines if line.kind in (LineKind.PROSE, LineKind.TICKED_BOX)]
    return inline_text("\n".join(kept)).strip()
