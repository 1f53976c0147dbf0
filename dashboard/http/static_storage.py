"""Names static files after their content, so that browsers may cache them without an expiry date."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Puts the file's hash into each static file's name, and into each `import` between our own modules.

    A module imported by its bare name could come from a browser cache older than the last upgrade. Django's own
    `support_js_module_import_aggregation` fails, since it takes strings and comments of htmx for imports.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("*.js", ((r'(?P<matched>from "(?P<url>\./[a-z_]+\.js)";)', 'from "%(url)s";'),)),
    )
