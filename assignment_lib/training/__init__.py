"""Recipes, one training assembled from data and recipe, and the loop that runs it.

recipes.py     named settings, in groups
assembly.py    a whole training from data and recipe; trained networks
loop.py        the training loop
optimizers.py  optimiser, learning-rate schedule, mixed precision
history.py     what is recorded of every epoch
checkpoints.py the state that a training resumes from
ablations.py   one change at a time, and several seeds
commands.py    the command line
"""
