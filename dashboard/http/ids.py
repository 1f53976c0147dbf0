"""Reads ids from addresses and forms."""


def parse_id(text: str) -> int | None:
    """Return the id in this text, or None when the text is no id or one too large for a database column."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def parse_ids(texts: list[str]) -> list[int]:
    """Return the ids among these texts, in order, without the texts that are no ids."""
    return [number for number in map(parse_id, texts) if number is not None]
