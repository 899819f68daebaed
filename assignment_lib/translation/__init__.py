"""People of another data set as additional training data, repainted by a GAN to look like images of the target's cameras.

translator.py    generator, discriminator, losses, training and repainting
added_people.py  another data set's people in a split; colour matching; Fréchet distance between features
comparison.py    command: trainings with and without added people
"""
