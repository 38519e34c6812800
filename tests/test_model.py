import torch
from torch.nn import functional as F

from mnist_tutorial import Net


def test_has_the_tutorials_parameters():
    shapes = {name: tuple(parameter.shape) for name, parameter in Net().named_parameters()}
    assert shapes == {
        "conv1.0.weight": (10, 1, 5, 5), "conv1.0.bias": (10,),
        "conv2.0.weight": (20, 10, 5, 5), "conv2.0.bias": (20,),
        "fc.1.weight": (50, 320), "fc.1.bias": (50,),
        "fc.2.weight": (10, 50), "fc.2.bias": (10,),
    }
    assert sum(parameter.numel() for parameter in Net().parameters()) == 21_840


def test_equals_the_same_steps_written_as_functions():
    net, x = Net(), torch.randn(3, 1, 28, 28)
    conv1, conv2, fc1, fc2 = net.conv1[0], net.conv2[0], net.fc[1], net.fc[2]
    h = F.max_pool2d(F.relu(F.conv2d(x, conv1.weight, conv1.bias)), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, conv2.weight, conv2.bias)), 2)
    h = F.linear(F.linear(h.flatten(1), fc1.weight, fc1.bias), fc2.weight, fc2.bias)
    torch.testing.assert_close(net(x), h)
    assert h.shape == (3, 10)


def test_can_learn_one_batch_by_heart():
    torch.manual_seed(0)
    images, labels = torch.randn(32, 1, 28, 28), torch.arange(32) % 10
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(100):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (net(images).argmax(1) == labels).all()
