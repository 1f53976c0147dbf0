"""How work reaches the workers: messages to them, and beat, which sends the periodic ones."""

from results.queue.messages import BROKER_ERRORS, enqueue, is_worker_stopping, worker_missing_since

__all__ = ["BROKER_ERRORS", "enqueue", "is_worker_stopping", "worker_missing_since"]
