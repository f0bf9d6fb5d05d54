"""From predictions and truth to scores, intervals and tests."""
