"""Networks: backbones, attribute heads, embeddings, and what is put together from them.

backbones.py    pretrained or from scratch
heads.py        from the feature map to the logits of a task
embedding.py    embeddings enriched by attribute predictions
joint.py        JointNet and JointConvNet
densenet_se.py  MultiHead DenseNet with squeeze-and-excitation
"""
