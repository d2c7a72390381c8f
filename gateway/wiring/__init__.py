"""A node put together: a module for the parts of each room, and ``node`` that connects them."""
