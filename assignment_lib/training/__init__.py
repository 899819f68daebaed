"""Recipes, one training assembled from data and recipe, and the loop that runs it.

recipes.py     named settings, in groups
parts.py       the networks and objectives that a recipe names
crowd.py       whom validation people are searched for among
assembly.py    a whole training from data and recipe, in one place
loop.py        the training loop
run.py         all that changes while a network learns
epoch.py       how far an epoch has come, and what was measured in it
history.py     what is kept of every epoch
optimizers.py  parameter groups, learning-rate schedules, average of the weights
precision.py   automatic mixed precision
checkpoints.py files a training goes on from
interrupts.py  Ctrl-C and the stop button
processes.py   several GPUs
overfit.py     one batch by heart
experiment.py  a training from the command line
several.py     networks that answer together, and those of all people
on_demand.py   the network of notebook 04 for a notebook opened before it
made_up.py     splits of noise, and small ones made large, to try a recipe on
speed.py       images a second of the loop and of the bare step
trials.py      mixed precision beside float32, a broken-off training beside a whole one
costs.py       FLOPs and bytes of a recipe
estimates.py   time and memory on GPUs that are not here
repeat.py      the same on several splits: mean and interval
adapt.py       adaptation of a trained network to the unlabelled test, where it is asked for
pool.py        the unlabelled images that a network adapts to
pseudo_labels.py  clusters of unlabelled images, and how right they are
joining.py     labelled people and clusters as one training set
grown.py       a classifier with room for clusters
ablations.py   one change at a time; ablation_rows.py says which
"""
