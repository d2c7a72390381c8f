"""HTTP adapters without decisions: parse, call a service, write its answer."""
