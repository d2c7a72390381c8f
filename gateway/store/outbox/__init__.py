"""The outbox: one row for each recipient of a message, until it ends visibly.

``due_at`` says when a row is looked at again: a queued one is claimed then, a leased one is queued
again then, one in custody is posted again then. A crash leaves the lease, and the row is due again
when it runs out (or at the next start of the only daemon, which releases what the dead one held).

``states`` says which states there are and what leads from one to another; ``queueing`` how a row
comes to wait, ``claiming`` how a lane gets it, ``settling`` how an attempt ends; ``signing`` puts
another seal or signature on a copy; ``showing`` only looks.
"""
