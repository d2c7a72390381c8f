"""VERBS: what a node does. Each decides purely, commits one transaction, then acts.

Services are async and know no HTTP and no SQL: they speak to the store through plain functions on
a transaction, and to other gateways through ``gateway.peer``. What attests something leaves only
after the commit that makes it durable.
"""
