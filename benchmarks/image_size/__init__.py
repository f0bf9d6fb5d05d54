"""How large radiographs must lie in a cache for views to be as sharp as those cut from the original files."""
