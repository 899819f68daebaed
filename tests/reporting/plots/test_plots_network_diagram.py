from assignment_lib.reporting import plots


def test_the_architecture_can_be_drawn():
    plots.architecture("resnet18", (512, 4, 2), 512, 10).canvas.draw()
