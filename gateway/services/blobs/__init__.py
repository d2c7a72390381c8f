"""Attachments: sealed, sent, fetched, opened, segment by segment."""
