"""The built-in data set: drawn pedestrians in the course's layout, and nobody real in it.

The data set
    drawing.py        draw: all files of the data set into a folder
    marker.py         the file that marks a folder as drawn, and what is never removed
    counts.py         how much is drawn, and which counts fit together
    shares.py         how many people have each attribute, as in Market-1501
    population.py     who is drawn: training and test identities, strangers
    shots.py          which pictures are taken: training, queries, gallery, distractors, junk
    streams.py        a random stream of its own for each thing drawn

A picture
    studio.py         takes a picture: place, person, who and what else is there
    cameras.py        light, colour, sharpness, place and directions of each camera
    scenes.py         the places, as panoramas
    scenery.py        trees, bushes, poles, cars, bicycles, paving
    walks.py          how somebody walks past a camera, and the bad crops
    occlusion.py      what lies over a picture: people, shadows, things in front
    imaging.py        what a camera makes of a view: exposure to JPEG

A person
    person.py         who it is: classes and traits
    look.py           the colours of the person
    pose.py           how the person stands in one picture
    figure.py         render: the parts put together, and what hides what
    body.py           proportions, and the way from the body to the sheet
    torso.py          the shape of the torso, places on its cloth
    upper_clothes.py  neck, collar or hood, folds
    prints.py         patterns and small prints of the upper clothes
    arms.py           arms, sleeves, cane
    legs.py           legs, socks, shoes
    lower_clothes.py  trousers, shorts, skirt
    bags.py           handbag, bag, backpack
    head.py           head and face
    hair.py           short and long hair
    hats.py           cap and sun hat
    canvas.py         the sheet: flat colours, with light and shadow apart
    colors.py         the colour classes as RGB
    shapes.py         points, chains of nodes and their outlines
"""

from assignment_lib.synthetic.drawing import draw

__all__ = ["draw"]
