"""From images in memory to augmented batches.

augmentation.py  the random transforms: settings, random parameters, application
transforms.py    the pixel operations of the transforms
sampling.py      class weights, sample weights, and the order in which images are drawn
loader.py        batches of images in memory
"""
