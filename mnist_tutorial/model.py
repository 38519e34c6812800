"""The networks of the course: to tell digits apart, to learn it fast, to tell digits from everything else."""

import torch
from torch import nn
from torch.nn import functional as F


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
    """Tell apart the ten digits, shaped for speed on a CPU: 56,970 parameters, 224,640 multiplications a picture.

    Filters that move two pixels at a time take the place of pooling: a quarter of the positions is computed, not
    all of them and three quarters thrown away. The first layer is not learned but set, by :meth:`set_filters`, so
    that the long way back through the second layer to the first need not be computed. Until then it is random.
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=5, stride=2),   # (N,  1, 28, 28) -> (N, 16, 12, 12)
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 32, kernel_size=3, stride=2),  #                 -> (N, 32,  5,  5)
            nn.ReLU(inplace=True),
        )
        self.fc = nn.Sequential(                         #                 -> (N, 800)
            nn.Linear(800, 64),                          #                 -> (N, 64)
            nn.ReLU(inplace=True),
            nn.Linear(64, 10),                           #                 -> (N, 10)
        )
        self.conv[0].requires_grad_(False)

    @torch.no_grad()
    def set_filters(self, images: torch.Tensor) -> None:
        """Set the filters of the first layer: the directions in which what they will see differs most, and back.

        Half of them are the first principal components of the patches of 5x5 pixels, each scaled so that its
        answers have variance one, the other half their negatives, since ReLU lets only one sign through. A fixed
        first layer of whitened components is an idea of Keller Jordan, 2024, "94% on CIFAR-10 in 3.29 seconds".

        Parameters
        ----------
        images : float32 tensor (N, 1, 28, 28)
            Normalised; a thousand are enough.
        """
        first = self.conv[0]
        patches = F.unfold(images, first.kernel_size, stride=first.stride).transpose(1, 2).flatten(0, 1)
        patches = patches - patches.mean(dim=1, keepdim=True)  # edges, not how much ink there is
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))  # the smallest first
        components = (directions / variances.clamp(min=1e-6).sqrt()).T.flip(0)[:first.out_channels // 2]
        first.weight.copy_(torch.cat([components, -components]).view_as(first.weight))
        first.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn normalised pictures, as for :class:`Net`, into ten logits each."""
        x = self.conv(x).permute(0, 2, 3, 1)  # the order in memory of channels_last, so that nothing is copied
        return self.fc(x.flatten(start_dim=1))


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
