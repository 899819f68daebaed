"""From a folder or archive on disk to tables with one row per image, and to decoded images in memory.

dataset.py            `load`: a data set in any supported layout -> a `Dataset` of tables
layouts.py            which layout a folder has: course, Market-1501 or plain
readers.py            one reader per layout -> the three tables
tables.py             one folder of images -> one table
filenames.py          person id and camera in a file name
attributes.py         the twelve tasks, their classes, annotations <-> targets
annotations.py        the course's annotation CSV
market_attributes.py  Market-1501's `market_attribute.mat`
oddities.py           annotations that contradict each other
truth.py              who is in an anonymous test, for scoring
near_duplicates.py    do two sets of images show the same people?
sources.py            where a training image is from: labelled people, clusters, another data set, another look
split.py              train/validation split by identity that covers the classes
images.py             `decode`: image files -> one uint8 tensor
decoding.py           threads that fill that tensor
image_files.py        one image file: its pixels as upright RGB, and what is wrong with it
image_cache.py        decoded images in a memory-mapped file
memory.py             whether decoded images fit into memory
archives.py           unpack zip and tar: whole or not at all
members.py            what is in an archive, and what of it is refused
folders.py            list a folder's images; write a folder whole or not at all
convert.py            command: official Market-1501 -> the course's layout
download.py           command: download Market-1501
http_download.py      one file by HTTP, resumed where it broke off
messages.py           lists of names in error messages
"""
