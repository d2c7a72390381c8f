"""THE NODE: one gateway of one member. ``gateway/README.md`` draws the architecture."""
