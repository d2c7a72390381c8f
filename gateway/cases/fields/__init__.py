"""Fields of contents: what each must be, its labels, and the codes that it may hold."""
