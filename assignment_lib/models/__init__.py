"""Networks.

backbones.py     timm networks as feature extractors, their stages and ImageNet weights
heads.py         attribute heads, richer embeddings, logit adjustment
joint.py         JointNet and JointConvNet
densenet_se.py   MultiHead DenseNet with squeeze-and-excitation
explanations.py  Grad-CAM and match maps
"""
