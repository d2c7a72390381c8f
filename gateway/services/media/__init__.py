"""Messages on removable media."""
