"""What a person sees or hands in: tables, figures, deliverables, the widget.

tables.py           tables beside the report's own figures, written as CSV, Markdown and LaTeX
report_weights.py   the class weights in the report's Figure 1
ablation_tables.py  the tables of the ablations: runs, means, paired intervals
recipe_tables.py    recipes beside each other on real people, from committed numbers
speed_to_quality.py how soon a recipe reaches the figure at which another one ends
metrics_file.py     `metrics.json`, of this run and of other recipes
deliverables.py     the files to hand in: ranked lists, sets for people, attributes
handed_in.py        the same files by anyone, read strictly: one sentence where they are malformed
score.py            their scores against a truth: `python -m assignment_lib.score`
plots/              every figure
board.py            pictures for TensorBoard
gpu_check.py        a GPU in some minutes: is it fast, does it compute the same
gpu_verdict.py      what those measurements mean, in sentences
widget/             the query-retrieval widget of notebook 05 and of `make demo`
"""
