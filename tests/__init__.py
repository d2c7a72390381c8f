"""Tests mirror the source; scenarios plug gateways together in memory; system starts processes."""
