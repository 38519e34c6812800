"""The course's networks: to tell digits apart, to learn that fast, to see what is no digit."""

import torch
from torch import nn
from torch.nn import functional as F

from .device import cpu_threads


class Net(nn.Module):
    """Tell apart the ten digits in 28x28 images.

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
        """Return ten scores (logits), float32 (N, 10), for images, float32 (N, 1, 28, 28).

        They are normalised, light digits on a dark background, see
        :func:`mnist_tutorial.preprocess.normalise`. `softmax` turns logits into probabilities;
        cross-entropy takes them as they are.
        """
        x = self.conv1(x)
        x = self.conv2(x)
        return self.fc(x)


class FastNet(nn.Module):
    """Tell apart the ten digits, fast on a CPU: 56,970 parameters, 224,640 multiplications.

    Filters that move two pixels at a time replace pooling, which computes all positions and drops
    three quarters. The first layer is random until :meth:`set_filters` sets it, and never learned:
    the backward pass ends at the second layer, which spares much of its time. A GPU has that time:
    there, the layers are wider, and the first one may `learn_filters` too.
    """

    SAMPLE = 1000  # images that are enough for :meth:`set_filters`
    GPU_WIDTHS = 48, 96, 128  # of both convolutions and of the hidden layer

    def __init__(self, widths=(16, 32, 64), learn_filters=False):
        super().__init__()
        first, second, hidden = widths
        self.conv = nn.Sequential(  # (N, 1, 28, 28) -> (N, 16, 12, 12) -> (N, 32, 5, 5)
            nn.Conv2d(1, first, kernel_size=5, stride=2), nn.ReLU(inplace=True),
            nn.Conv2d(first, second, kernel_size=3, stride=2), nn.ReLU(inplace=True))
        self.fc = nn.Sequential(    # (N, 800) -> (N, 64) -> (N, 10)
            nn.Linear(25 * second, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 10))
        self.conv[0].requires_grad_(learn_filters)

    @torch.no_grad()
    @cpu_threads()
    def set_filters(self, images: torch.Tensor) -> None:
        """Set the first layer to whiten 5x5 patches (PCA) of normalised images (N, 1, 28, 28).

        Half of the filters are the first principal components of the patches, each scaled so that
        its outputs have variance one; the other half are their negatives, since ReLU lets only one
        sign through. A fixed first layer of whitened components is an idea of Keller Jordan, 2024,
        "94% on CIFAR-10 in 3.29 seconds".
        """
        first = self.conv[0]
        # (N, 25, 144) -> (N * 144, 25)
        patches = F.unfold(images, first.kernel_size, stride=first.stride).mT.flatten(0, 1)
        patches = patches - patches.mean(dim=1, keepdim=True)  # edges, not the amount of ink
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))  # ascending
        whitening = directions / variances.clamp(min=1e-6).sqrt()
        components = whitening.T.flip(0)[:first.out_channels // 2]
        first.weight.copy_(torch.cat([components, -components]).view_as(first.weight))
        first.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits, float32 (N, 10), of normalised images (N, 1, 28, 28), as `Net` does."""
        x = self.conv(x).permute(0, 2, 3, 1)  # as channels_last lies in memory: nothing is copied
        return self.fc(x.flatten(start_dim=1))


class Guard(nn.Module):
    """Tell apart the ten digits and, as an eleventh class, everything else: 104,139 parameters.

    Other things are more varied than digits are, and the world's digits more than MNIST's: both
    together are more than `Net` has room for. ReLU after pooling is the same as before it, sooner.
    """

    NONE = 10  # the eleventh class

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(  # (N, 1, 28, 28) -> (N, 32, 24, 24) -> (N, 32, 12, 12)
            nn.Conv2d(1, 32, kernel_size=5), nn.MaxPool2d(kernel_size=2), nn.ReLU())
        self.conv2 = nn.Sequential(  # -> (N, 48, 10, 10) -> (N, 48, 8, 8) -> (N, 48, 4, 4)
            nn.Conv2d(32, 48, kernel_size=3), nn.ReLU(),
            nn.Conv2d(48, 48, kernel_size=3), nn.MaxPool2d(kernel_size=2), nn.ReLU())
        self.fc = nn.Sequential(     # (N, 48, 4, 4) -> (N, 768) -> (N, 88) -> (N, 11)
            nn.Flatten(), nn.Linear(768, 88), nn.ReLU(), nn.Linear(88, 11))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, 11), of ten digits and of none, of normalised images (N, 1, 28, 28)."""
        return self.fc(self.conv2(self.conv1(x)))


class InkNet(nn.Module):
    """Tell of each pixel of a picture whether it is ink of a digit: a U-Net, 442,136 parameters.

    A U-Net (Ronneberger et al., 2015, "U-Net: convolutional networks for biomedical image
    segmentation") reduces the picture step by step to see what lies around, and enlarges it again
    beside what it saw on the way, to tell where.
    """

    WIDTHS = 16, 24, 40, 64, 96  # channels at half the size, at a quarter of it, and so on
    ANSWERS = 2

    def __init__(self):
        super().__init__()
        widths = self.WIDTHS
        self.down = nn.ModuleList(map(_convolutions, (1, *widths), widths))
        self.down[0] = _convolutions(1, widths[0], side=5, stride=2)
        self.up = nn.ModuleList(_convolutions(coarse + fine, fine)
                                for fine, coarse in zip(widths, widths[1:]))
        self.head = nn.Sequential(  # four pixels of full size for each at half the size
            nn.Conv2d(widths[0], 4 * self.ANSWERS, kernel_size=1), nn.PixelShuffle(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, 2, H, W): is it a digit's ink, do two digits touch there.

        `x`, float32 (N, 1, H, W), is what :func:`mnist_tutorial.reading.ink.even_out` returns; both
        sides are multiples of 32.
        """
        seen = []
        for number, layer in enumerate(self.down):
            x = layer(F.max_pool2d(x, 2) if number else x)
            seen.append(x)
        for layer, finer in zip(reversed(self.up), reversed(seen[:-1])):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0), finer], dim=1))
        return self.head(x)


def _convolutions(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """Make two convolutions, each with batch normalisation, the first of side x side pixels."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False),
        nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
