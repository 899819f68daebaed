"""From images in memory to batches: which images are drawn how often, and how they are transformed.

augmentation.py  how often and how far each of the seven random transforms goes
draws.py         the random numbers of a batch: what happens to each sample
augment.py       a batch with its random transforms
geometry.py      flip, rotation, affine and perspective as one interpolation
colour.py        brightness, contrast, saturation and hue
sharpness.py     sharpening and blurring
erasing.py       random erasing
rows.py          work on some samples of a batch, without waiting for the device
mixing.py        a share of each batch for people of another data set, images in the look of another camera
balance.py       class weights, sample weights, expected weights
samplers.py      the order in which images are drawn: weighted, by identity, in pairs, uniform
loader.py        batches of images that are in memory, on the device that trains
"""
