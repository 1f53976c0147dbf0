"""Tells people and channels of events.

beat → collect.collect (a message or lines of an inbox for each receiver, once a batch)
     → deliver.enqueue_due (one lease per receiver) → deliver.deliver(lease) → email, webhooks or chat
"""
