"""Knows some 230,000 passwords that data breaches made public, by hashes in `known_passwords.bin` beside this file.

The file holds 40 bits of each password's hash: of each of the 65,536 possible first two bytes the number of
passwords in one byte, then the other three bytes of all hashes in order. It takes 0.7 MB, and a password that is in
no list is taken for one of them once in more than a million times.

It is made from lists of the most frequent passwords: those of Mark Burnett's 10 million passwords (public domain)
and of Have I Been Pwned's first 100,000, which Britain's NCSC published, both from SecLists (MIT), of zxcvbn (MIT)
and of Django (BSD). Make it anew with one file for each list, whose first line is the most frequent password:

    python -m dashboard.accounts.known_passwords LIST...
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

FILE = Path(__file__).with_suffix(".bin")
_PREFIXES = 2**16
_REST = 3  # bytes of a hash that follow its prefix
# A variant of a password may be shorter than passwords must be. Of the short ones only the most frequent are kept.
_SHORTEST, _SHORTEST_RARE = 8, 9
_FREQUENT = 100_000
_LETTERS = str.maketrans("@$!0", "asio")


def is_known(password: str) -> bool:
    """Return whether the password is known, or one that guessers try for it: with other case, signs or spaces."""
    data = FILE.read_bytes()
    return any(_contains(data, variant) for variant in _variants(password))


def _variants(password: str) -> set[str]:
    """Return what a known password may be written as, such as password123 for P@ssw0rd-123."""
    plain = password.lower()
    spelt = {plain, plain.translate(_LETTERS)}
    # A sign at the end is no letter: password123! is not password123i.
    signless = {"".join(filter(str.isalnum, each)) for each in (plain, plain.rstrip("!").translate(_LETTERS))}
    return spelt | signless


def _hash(password: str) -> bytes:
    return hashlib.blake2b(password.encode(), digest_size=2 + _REST).digest()


def _contains(data: bytes, password: str) -> bool:
    hashed = _hash(password)
    prefix, rest = int.from_bytes(hashed[:2]), hashed[2:]
    start = _PREFIXES + _REST * sum(data[:prefix])
    end = start + _REST * data[prefix]
    return any(data[at : at + _REST] == rest for at in range(start, end, _REST))


def pack(passwords: Iterable[str]) -> bytes:
    """Return the content of a file that knows these passwords."""
    hashes = sorted({_hash(password) for password in passwords})
    counts = Counter(int.from_bytes(hashed[:2]) for hashed in hashes)
    return bytes(counts[prefix] for prefix in range(_PREFIXES)) + b"".join(hashed[2:] for hashed in hashes)


def _worth_keeping(path: Path) -> Iterator[str]:
    """Return the passwords of a list that a person here could choose, or whose variant could be chosen."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(islice(lines, 2_000_000)):
            password = line.rstrip("\r\n").lower()
            shortest = _SHORTEST if number < _FREQUENT else _SHORTEST_RARE
            if len(password) >= shortest and "\N{REPLACEMENT CHARACTER}" not in password:
                yield password


if __name__ == "__main__":
    FILE.write_bytes(pack(password for name in sys.argv[1:] for password in _worth_keeping(Path(name))))
