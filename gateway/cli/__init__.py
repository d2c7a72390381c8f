"""The command ``liaison``: a module for each noun or verb, and rooms for what they share."""
