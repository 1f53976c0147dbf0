"""Names static files after their content, so that browsers may cache them without an expiry date."""

import re
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Comments with a line or more of their own, in our own files; so no string is taken for one.
_COMMENTS = re.compile(r"^[ \t]*(?://.*|/\*.*?\*/[ \t]*)\n", re.MULTILINE)
_LONG_COMMENTS = re.compile(r"^[ \t]*/\*[^*]*(?:\*(?!/)[^*]*)*\*/[ \t]*\n", re.MULTILINE)


class HashedStaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Puts the file's hash into each static file's name, and into each `import` between our own modules.

    A module imported by its bare name could come from a browser cache older than the last upgrade. Django's own
    `support_js_module_import_aggregation` fails, since it takes strings and comments of htmx for imports.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("*.js", ((r'(?P<matched>from "(?P<url>\./[a-z_]+\.js)";)', 'from "%(url)s";'),)),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._urls: dict[str, str] = {}

    def url(self, name: str, force: bool = False) -> str:
        """Return the address of a file: each page names dozens, which stay the same as long as the process."""
        if force or name not in self._urls:
            self._urls[name] = super().url(name, force)
        return self._urls[name]

    def save_manifest(self) -> None:
        super().save_manifest()
        self._urls.clear()

    def _save(self, name: str, content: Any) -> Any:
        if name.startswith(("css/", "js/")) and name.endswith((".css", ".js")):
            content.seek(0)
            content = ContentFile(without_comments(content.read()))
        return super()._save(name, content)


def without_comments(source: bytes) -> bytes:
    """Return one of our own scripts or style sheets without its comments, a fifth of what a browser would load."""
    return _LONG_COMMENTS.sub("", _COMMENTS.sub("", source.decode())).encode()
