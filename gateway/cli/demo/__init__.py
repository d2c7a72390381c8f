"""``liaison demo``: a federation of real nodes plays a case from a telephone call to a court.

Nothing in it is faked: real processes, real TLS, real files, the commands that people type and the
socket that their systems use. Every step is checked by what happened, and the first one that does
not come out as told ends the play.

``federation`` founds it and runs it, ``cast`` says who takes part, ``script`` names the steps,
``acts_…`` play them, ``content`` has what people write, ``telling`` says it to whoever looks on.
"""
