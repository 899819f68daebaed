"""Networks: backbones, attribute heads, embeddings, and what is put together from them.

backbones.py         pretrained or from scratch
stages.py            first stages that keep their weights, a last stage that keeps its map's size
heads.py             from the feature map to the logits of a task
part_heads.py        from stripes of the feature map to the logits of all tasks
pooling.py           from the feature map to a vector
neck.py              the batch norm between metric loss and PID classifier
embedding.py         embeddings enriched by attribute predictions
logit_adjustment.py  logits freed of how common each class was in training
gradient.py          a part of a gradient
explanations.py      which places speak for an attribute (Grad-CAM), and which for a match
joint.py             JointNet and JointConvNet
together.py          several networks that answer as one
densenet_se.py       MultiHead DenseNet with squeeze-and-excitation
"""
