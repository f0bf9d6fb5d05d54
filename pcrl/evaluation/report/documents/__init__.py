"""What is published beside a report, as Markdown: a model card, and a checklist of what to report."""
