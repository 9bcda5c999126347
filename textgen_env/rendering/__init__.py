"""Rendering: a text as a string, an image, a piano roll, or music to listen to."""
