"""TRUST: the only code that imports cryptography or nacl, or sees a secret.

Imports nothing of ``gateway``. ``keys/README.md`` is written for a cryptographic reviewer.
"""
