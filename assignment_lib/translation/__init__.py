"""Images of another data set, and of other cameras, in the look of the cameras that a network is trained for.

elsewhere.py      another labelled data set for the built-in one: drawn people before other cameras
generator.py      the network that repaints an image in the look of a camera
discriminator.py  the network that tells repainted images from a camera's own
losses.py         least squares of the two, contrast of places: what both minimise
pairs.py          batches: images to repaint, and images of the wanted cameras
translator.py     train a translator with the project's loop; repaint images with it
colours.py        the free alternative: a camera's mean colour and contrast
realism.py        Fréchet distance between features of images
adding.py         other people, and own people in other looks, among the training images
variants.py       what a training may be given beside its own images
comparison.py     command: trainings with and without them, alike in all else
"""
