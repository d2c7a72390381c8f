"""Events: what happened, noted from what is stored, and told to systems of the house."""
