"""A yardstick in the shape of PyTorch's well-known mnist example, written from its description.

Two 3x3 convolutions (32, 64), one pooling, dropout 0.25 and 0.5, 128 hidden units, 1.2 million
parameters; Adadelta with learning rate 1.0, multiplied by 0.7 after each epoch; batches of 64 from
torchvision's image-by-image path.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from mnist_tutorial import load_mnist
from mnist_tutorial.preprocess import MEAN, STD


def stock_loader(root=None, batch_size=64):
    """Serve the 60,000 training images as torchvision does: opened and normalised one by one."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    return DataLoader(load_mnist(root=root, transform=transform), batch_size=batch_size,
                      shuffle=True)


def reference_net():
    """The example's network."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(),                    # (N,  1, 28, 28) -> (N, 32, 26, 26)
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),  #                 -> (N, 64, 12, 12)
        nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(128, 10),
    )


def reference_optimizer(net, steps_per_epoch):
    """Its optimizer and schedule, which is stepped after each batch and acts after each epoch."""
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, steps_per_epoch, gamma=0.7)
