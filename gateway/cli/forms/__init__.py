"""Contents as people fill them in and read them: questions, files, lines."""
