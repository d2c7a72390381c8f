"""NOUNS of mutual assistance, pure: kinds of message, code lists, handling, labels."""
