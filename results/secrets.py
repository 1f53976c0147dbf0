"""How does a secret lie in the database?

Sealed with the newest of settings.FIELD_KEYS, which live outside the database; older ones still open it.
"""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBrokenError(Exception):
    """The secret was sealed with a key that FIELD_KEYS does not hold (any more)."""


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(secret: str) -> str:
    return _fernet(tuple(settings.FIELD_KEYS)).encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the secret. Raises SealBrokenError."""
    try:
        return _fernet(tuple(settings.FIELD_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBrokenError from error
