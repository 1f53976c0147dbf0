"""How do static files get names that a browser may keep for ever, also those that import each other?"""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Each name has the file's hash in it, and so has each `import` between our modules.

    A module that is imported by its bare name would come from the cache of before an upgrade. Django's own
    `support_js_module_import_aggregation` takes what stands in strings and comments of htmx for imports, and fails.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("*.js", ((r'(?P<matched>from "(?P<url>\./[a-z_]+\.js)";)', 'from "%(url)s";'),)),
    )
