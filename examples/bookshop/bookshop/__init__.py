"""A small bookshop: authors, books, orders, files and live events over HTTP."""
