"""From a folder or archive to tables with one row per image, and to decoded images in memory.

dataset.py      `load`: a data set of any supported layout as a `Dataset` of tables
layouts.py      find and read a layout
annotations.py  annotation files, `market_attribute.mat`, the truth of a test
attributes.py   the twelve tasks, their classes, annotations <-> targets
split.py        training and validation people
images.py       decode image files into one uint8 tensor
archives.py     unpack zip and tar archives safely
market1501.py   commands: download Market-1501, convert it to the course's layout
"""
