"""Parts of `simplify`: numbers that know how they are written, two rows that rewriting needs, and the rules."""
