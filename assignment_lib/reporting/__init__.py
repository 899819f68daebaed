"""What a person sees or hands in: tables, figures, deliverables, the widget.

tables.py           tables beside the report's own figures, written as CSV, Markdown and LaTeX
ablation_tables.py  the tables of the ablations: runs, means, verdicts
metrics_file.py     `metrics.json`
deliverables.py     the files to hand in: ranked lists, sets for people, attributes
handed_in.py        the same files by anyone, read strictly: one sentence where they are malformed
score.py            their scores against a truth: `python -m assignment_lib.score`
plots/              every figure
board.py            pictures for TensorBoard
widget.py           the query-retrieval widget of notebook 05
"""
