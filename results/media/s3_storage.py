"""A bucket of S3 whose every wait has an end, so that a slow one holds no thread of the web server for minutes."""

from botocore.config import Config
from storages.backends import s3

# botocore's own: a minute for each, in five attempts.
BOUNDS = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})


class S3Storage(s3.S3Storage):  # type: ignore[misc]  # the package is not typed
    """The bucket of django-storages, with BOUNDS."""

    client_config: Config

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.client_config = self.client_config.merge(BOUNDS)
