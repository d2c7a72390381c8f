"""Help in French, by the English that stands in the code; a module for what it is about."""
