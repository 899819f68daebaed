"""JointConvNets from keyword settings, by default without ImageNet weights."""

from dataclasses import fields

from assignment_lib.models.joint import JointConvNet, ModelSettings


def joint_network(backbone, n_pids, **options):
    names = {field.name for field in fields(ModelSettings)}
    settings = {"pretrained": False} | {name: options.pop(name) for name in list(options) if name in names}
    return JointConvNet(ModelSettings(backbone, **settings), n_pids, **options)
