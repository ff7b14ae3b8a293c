"""The parts of `derive`, in the order of the work: expressions, lines, words, checks, page, printed pages."""
