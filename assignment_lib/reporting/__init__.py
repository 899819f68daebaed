"""What a person sees or hands in: tables, figures, deliverables, the widget."""
