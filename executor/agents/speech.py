"""What an agent says in a turn, put together from the chunks that it comes in.

Source: Agent Client Protocol, version 1 (ContentChunk): a change of `messageId` begins a new message.
"""

from roadmark.executor.provider_errors import TAIL_CHARACTERS

_WHOLE_SENTENCE = 40
"""A chunk of this length that ends a sentence is a message of its own, where messages have no names."""


class Speech:
    """The speech of one turn. A new message begins on a new line: a keyword in it is a word of its own."""

    def __init__(self) -> None:
        self.tail = ""
        """The end of the last message, where an agent tells of its provider's trouble."""
        self._message_id: object = None
        self._last = ""
        self._is_interrupted = False

    def interrupt(self) -> None:
        """A tool is used: what is said next is a new message."""
        self.tail, self._is_interrupted = "", True

    def add(self, text: str, message_id: object) -> str:
        """The chunk as it goes on from what was said before."""
        if self._begins_anew(text, message_id):
            text = f"\n{text}"
        self._last = text or self._last
        self._message_id, self._is_interrupted = message_id, False
        self.tail = (self.tail + text)[-TAIL_CHARACTERS:]
        return text

    def _begins_anew(self, text: str, message_id: object) -> bool:
        if not self._last or self._last.endswith("\n") or text[:1].isspace():
            return False
        if self._is_interrupted or message_id != self._message_id:
            return True
        is_sentence = len(self._last) >= _WHOLE_SENTENCE and self._last.endswith((".", "!", "?"))
        return message_id is None and is_sentence and text[:1].isalnum()
