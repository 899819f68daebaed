"""Tables, figures, output files and the widget: all that people see or hand in.

tables.py        tables next to the report's published figures, ablation tables; CSV, Markdown and LaTeX files
output_files.py  ranked lists, sets, attributes and `metrics.json`: written, and read strictly
score.py         scores of output files against the truth: `python -m assignment_lib.score`
plots/           every figure of the notebooks
widget/          the query and retrieval widget of notebook 05 and of `make demo`
"""
