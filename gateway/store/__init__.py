"""The node's memory: synchronous SQL and blob storage. The only room that knows either.

Each act is a plain function on a transaction (``f(tx, …)``); services compose several and hand them
to ``Database.write``. What is stored of a message is sealed; SPEC "At rest" lists what is not.
"""
