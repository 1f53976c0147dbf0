"""Encryption of the secrets that are stored in the database.

A secret is sealed with the newest of settings.FIELD_KEYS, which live outside the database. The older keys of that
list still open what they sealed, so the keys can be rotated.
"""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBrokenError(Exception):
    """The secret was sealed with a key that is not, or no longer, in FIELD_KEYS."""


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(secret: str) -> str:
    """Return the secret encrypted with the newest key, as a Fernet token."""
    return _fernet(tuple(settings.FIELD_KEYS)).encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the secret of a token that `seal` made. Raises SealBrokenError when no key opens the token."""
    try:
        return _fernet(tuple(settings.FIELD_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBrokenError from error
