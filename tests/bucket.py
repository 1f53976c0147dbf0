"""An object storage for tests: it has no paths on this machine, and returns signed addresses."""

from typing import ClassVar
from urllib.parse import urlencode

from django.core.files.base import ContentFile
from django.core.files.storage import Storage


class Bucket(Storage):
    """A storage with the interface of django-storages' S3; all buckets hold the same files."""

    files: ClassVar[dict[str, bytes]] = {}

    def __init__(self, **options):
        """Take the options of any bucket, which tell it from others by its mark only."""

    def _save(self, name, content):
        self.files[name] = b"".join(content.chunks())
        return name

    def _open(self, name, mode="rb"):
        return ContentFile(self.files[name])

    def exists(self, name):
        return name in self.files

    def size(self, name):
        return len(self.files[name])

    def delete(self, name):
        self.files.pop(name, None)

    def url(self, name, parameters=None):
        return f"https://bucket.example/{name}?{urlencode(parameters)}"


class RefusingBucket(Bucket):
    """A bucket whose key lacks its rights: it answers no question, with exceptions of its own kind."""

    def _refuse(self, *_, **__):
        raise KeyError("AccessDenied")

    exists = _open = size = delete = url = _refuse
