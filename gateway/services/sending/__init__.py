"""From a draft of the house to the receipt that settles it."""
