"""Handwritten digits from beginning to end, in one file of plain PyTorch.

    python notebooks/mnist.py              train for ten epochs, test, save the network to mnist.pt
    python notebooks/mnist.py img/3.jpg    load mnist.pt and read the digit in a picture

It needs only torch, torchvision and pillow, and ends at about 98.7% of MNIST's test images after
some two minutes on a CPU. Chapters 2 to 4 explain every line, and what photos need besides.
"""

import os
import sys

import torch
from PIL import Image, ImageChops, ImageFilter, ImageOps
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

# Hyper-parameters: what you decide before the training.
BATCH_SIZE = 64       # images per step
LEARNING_RATE = 0.01  # length of a step
MOMENTUM = 0.5        # how much of the previous step goes into the next
EPOCHS = 10           # times through all training images
SEED = 0              # of everything random

ROOT = os.environ.get("MNIST_ROOT", "datasets/mnist")  # downloaded to here, 12 MB
FILE = "mnist.pt"
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.set_num_threads(1)  # more would wait for one another: the network is small

# From a picture to a tensor, normalised by the mean and deviation of the training images.
transform = transforms.Compose([
    transforms.ToTensor(),
    transforms.Normalize((0.1307,), (0.3081,)),
])


class Net(nn.Module):
    """Two convolutions, each with pooling, and two linear layers: 21,840 parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):                                # (N, 1, 28, 28)
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)       # (N, 10, 12, 12)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)       # (N, 20, 4, 4)
        x = self.fc1(x.flatten(1))                       # (N, 320) to (N, 50)
        return self.fc2(x)                               # (N, 10): a score for each digit


def train(model, loader, optimizer):
    """Train for one epoch."""
    model.train()
    for step, (images, labels) in enumerate(loader):
        images, labels = images.to(device), labels.to(device)  # to the GPU, if there is one
        loss = F.cross_entropy(model(images), labels)          # forward pass
        optimizer.zero_grad()                                  # forget the old gradients
        loss.backward()                                        # backpropagation: the new ones
        optimizer.step()                                       # one step downhill
        if step % 300 == 0:
            print(f"  step {step} of {len(loader)}, loss {loss.item():.3f}")


@torch.inference_mode()                                        # no gradients are needed
def test(model, loader):
    """Return the share of images that are read correctly."""
    model.eval()
    correct = 0
    for images, labels in loader:
        answers = model(images.to(device)).argmax(dim=1)       # the digit with the highest score
        correct += (answers == labels.to(device)).sum().item()
    return correct / len(loader.dataset)                       # not a mean of batches' means


def prepare(path):
    """Make a picture look like MNIST: white on black, 20 pixels high, its mass in the middle."""
    picture = Image.open(path).convert("L")
    picture.thumbnail((300, 300))
    paper = picture.filter(ImageFilter.GaussianBlur(20))       # how bright it is around each pixel
    dark = ImageChops.subtract(paper, picture)                 # dark ink on light paper
    light = ImageChops.subtract(picture, paper)                # light ink on dark
    picture = ImageOps.autocontrast(max(dark, light, key=lambda image: image.getextrema()[1]))
    picture = picture.point(lambda grey: grey if grey > 127 else 0)  # what is faint is noise
    picture = ImageOps.contain(picture.crop(picture.getbbox()), (20, 20))
    ink = transforms.functional.to_tensor(ImageOps.autocontrast(picture))[0]
    rows, columns = ink.sum(1), ink.sum(0)
    y, x = (round(float((part * torch.arange(len(part))).sum() / part.sum()))
            for part in (rows, columns))                       # the centre of mass
    canvas = Image.new("L", (28, 28))
    canvas.paste(transforms.functional.to_pil_image(ink), (14 - x, 14 - y))
    return canvas


@torch.inference_mode()
def predict(model, path):
    """Return the digit in a picture, and the network's confidence."""
    model.eval()
    batch = transform(prepare(path)).unsqueeze(0)              # (1, 1, 28, 28)
    confidence, digit = model(batch.to(device)).softmax(dim=1)[0].max(dim=0)
    return digit.item(), confidence.item()


def main():
    """Train, test and save."""
    torch.manual_seed(SEED)
    train_set = datasets.MNIST(ROOT, train=True, download=True, transform=transform)
    test_set = datasets.MNIST(ROOT, train=False, download=True, transform=transform)
    train_loader = DataLoader(train_set, batch_size=BATCH_SIZE, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=1000)

    model = Net().to(device)
    optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    for epoch in range(1, EPOCHS + 1):
        print(f"epoch {epoch} of {EPOCHS}")
        train(model, train_loader, optimizer)
    print(f"test accuracy {test(model, test_loader):.2%}")     # once, at the very end
    torch.save(model.state_dict(), FILE)
    print(f"saved to {FILE}")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        net = Net().to(device)
        net.load_state_dict(torch.load(FILE, map_location=device, weights_only=True))
        for path in sys.argv[1:]:
            print("{}: {}, confidence {:.1%}".format(path, *predict(net, path)))
