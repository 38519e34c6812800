"""The networks of the course: to tell digits apart, to learn it fast, to tell digits from everything else."""

import torch
from torch import nn


class Net(nn.Module):
    """Tell apart the ten digits in 28x28 pictures.

    The network of the tutorial that this course grew from, a small relative of LeNet-5
    (LeCun et al., 1998, "Gradient-based learning applied to document recognition").
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(1, 10, kernel_size=5),   # (N,  1, 28, 28) -> (N, 10, 24, 24)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2),       #                 -> (N, 10, 12, 12)
        )
        self.conv2 = nn.Sequential(
            nn.Conv2d(10, 20, kernel_size=5),  #                 -> (N, 20,  8,  8)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2),       #                 -> (N, 20,  4,  4)
        )
        self.fc = nn.Sequential(
            nn.Flatten(),                      #                 -> (N, 320)
            nn.Linear(320, 50),                #                 -> (N, 50)
            nn.Linear(50, 10),                 #                 -> (N, 10)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn normalised pictures into ten scores (logits) each.

        Parameters
        ----------
        x : float32 tensor (N, 1, 28, 28)
            Light digits on dark ground, as :func:`mnist_tutorial.preprocess.normalise` makes them.

        Returns
        -------
        float32 tensor (N, 10)
            Logits. `softmax` turns them into probabilities; cross-entropy takes them as they are.
        """
        x = self.conv1(x)
        x = self.conv2(x)
        return self.fc(x)


class FastNet(nn.Module):
    """Tell apart the ten digits, shaped for speed on a CPU: 46,730 parameters, 286,608 multiplications a picture.

    Filters that move two pixels at a time take the place of pooling: a quarter of the positions is computed, not
    all of them and three quarters thrown away. The outermost pixels, always empty, are cut off, so that the
    filters of the second layer end exactly at the border.
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.ZeroPad2d(-1),                            # (N,  1, 28, 28) -> (N,  1, 26, 26)
            nn.Conv2d(1, 16, kernel_size=5, stride=2),   #                 -> (N, 16, 11, 11)
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=5, stride=2),  #                 -> (N, 32,  4,  4)
            nn.ReLU(),
        )
        self.fc = nn.Sequential(
            nn.Flatten(),                                #                 -> (N, 512)
            nn.Linear(512, 64),                          #                 -> (N, 64)
            nn.ReLU(),
            nn.Linear(64, 10),                           #                 -> (N, 10)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn normalised pictures, as for :class:`Net`, into ten logits each."""
        return self.fc(self.conv(x))


class Guard(nn.Module):
    """Tell digits from everything else in 28x28 pictures: :class:`Net`, wider, 45,970 parameters.

    What is no digit is more varied than digits are: with as few filters as `Net` has it does worse.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=5),   # (N,  1, 28, 28) -> (N, 16, 24, 24)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2),       #                 -> (N, 16, 12, 12)
        )
        self.conv2 = nn.Sequential(
            nn.Conv2d(16, 32, kernel_size=5),  #                 -> (N, 32,  8,  8)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2),       #                 -> (N, 32,  4,  4)
        )
        self.fc = nn.Sequential(
            nn.Flatten(),                      #                 -> (N, 512)
            nn.Linear(512, 64),                #                 -> (N, 64)
            nn.ReLU(),
            nn.Linear(64, 2),                  #                 -> (N, 2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn normalised pictures, as for :class:`Net`, into two logits each: no digit, digit."""
        x = self.conv1(x)
        x = self.conv2(x)
        return self.fc(x)
