"""Parts of `code`: the forms of well-known rows, and functions taken from the source of others."""
