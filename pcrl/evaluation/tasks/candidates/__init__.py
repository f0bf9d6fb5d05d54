"""Classification of candidates in volumes, such as nodules."""
