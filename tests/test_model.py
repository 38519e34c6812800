import torch
from torch.nn import functional as F

from mnist_tutorial import Net
from mnist_tutorial.device import cpu_threads
from mnist_tutorial.model import FastNet


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


def test_fast_net_equals_the_same_steps_written_as_functions():
    net, x = FastNet(), torch.randn(3, 1, 28, 28)
    h = F.relu(F.conv2d(x, net.conv[0].weight, net.conv[0].bias, stride=2))
    h = F.relu(F.conv2d(h, net.conv[2].weight, net.conv[2].bias, stride=2))
    h = h.permute(0, 2, 3, 1).flatten(1)
    h = F.relu(F.linear(h, net.fc[0].weight, net.fc[0].bias))
    h = F.linear(h, net.fc[2].weight, net.fc[2].bias)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        torch.testing.assert_close(net.to(memory_format=memory_format)(x), h)


def test_set_filters_are_whitened_principal_components_and_their_negatives():
    torch.manual_seed(0)
    # Neighbours are alike, as in photos.
    images = F.interpolate(torch.randn(200, 1, 7, 7), size=28, mode="bicubic")
    net = FastNet()
    net.set_filters(images)
    filters = net.conv[0].weight
    assert torch.equal(filters[8:], -filters[:8]) and not net.conv[0].bias.any()
    answers = F.conv2d(images, filters[:8], stride=2).transpose(0, 1).flatten(1)
    correlations = answers @ answers.T / answers.shape[1]
    torch.testing.assert_close(correlations, torch.eye(8), atol=0.02, rtol=0)
    sizes = filters[:8].flatten(1).norm(dim=1)
    assert (sizes.diff() > 0).all()  # the strongest direction first: it needs the smallest filter
    assert filters[:8].sum(dim=(1, 2, 3)).abs().max() < 1e-3  # blind to how much ink there is


def test_set_filters_are_not_learned():
    net = FastNet()
    net.set_filters(torch.randn(50, 1, 28, 28))
    F.cross_entropy(net(torch.randn(4, 1, 28, 28)), torch.arange(4)).backward()
    learned = {name for name, parameter in net.named_parameters() if parameter.grad is not None}
    every = {name for name, _ in net.named_parameters()}
    assert learned == every - {"conv.0.weight", "conv.0.bias"}


def test_set_filters_with_one_thread(monkeypatch):
    """A second one waits at each image, on a busy machine ten times as long as all the training."""
    unfold, seen = F.unfold, []
    monkeypatch.setattr(F, "unfold", lambda *arguments, **options: seen.append(
        torch.get_num_threads()) or unfold(*arguments, **options))
    with cpu_threads(2):
        FastNet().set_filters(torch.rand(5, 1, 28, 28))
    assert seen == [1]


def test_set_filters_of_blank_pictures_are_numbers():
    net = FastNet()
    net.set_filters(torch.zeros(5, 1, 28, 28))
    assert net.conv[0].weight.isfinite().all()
