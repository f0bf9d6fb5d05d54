"""Recipes: settings of complete lines of work, as TOML."""
