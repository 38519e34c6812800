"""MNIST 手写数字识别，从头到尾，一个文件，纯 PyTorch。

    python notebooks/zh-CN/mnist.py              训练十轮，测试，把网络存到 mnist.pt
    python notebooks/zh-CN/mnist.py img/3.jpg    读取 mnist.pt，认一张图片里的数字

只需要 torch、torchvision 和 pillow。在 CPU 上大约两分钟，MNIST 测试图片认对约 98.7%。
每一行在第 2 到第 4 章里都有讲解，照片还需要哪些处理也在那里。
"""

import os
import sys

import torch
from PIL import Image, ImageChops, ImageFilter, ImageOps
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

# 超参数：训练之前由你决定的数
BATCH_SIZE = 64       # 批量大小：每一步用多少张图片
LEARNING_RATE = 0.01  # 学习率：一步迈多大
MOMENTUM = 0.5        # 动量：上一步有多少带进下一步
EPOCHS = 10           # 训练轮数：把全部训练图片过几遍
SEED = 0              # 随机种子：一切随机数都由它决定

ROOT = os.environ.get("MNIST_ROOT", "datasets/mnist")  # 数据下载到这里，12 MB
FILE = "mnist.pt"
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.set_num_threads(1)  # 网络很小，线程多了只会互相等待

# 把图片变成张量，再用训练集的均值和标准差做归一化（标准化）
transform = transforms.Compose([
    transforms.ToTensor(),
    transforms.Normalize((0.1307,), (0.3081,)),
])


class Net(nn.Module):
    """卷积神经网络：两个卷积层，各带池化，再加两个全连接层，共 21,840 个参数。"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):                                # (N, 1, 28, 28)
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)       # (N, 10, 12, 12)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)       # (N, 20, 4, 4)
        x = self.fc1(x.flatten(1))                       # (N, 320) 变成 (N, 50)
        return self.fc2(x)                               # (N, 10)：每个数字一个分数


def train(model, loader, optimizer):
    """训练一轮。"""
    model.train()
    for step, (images, labels) in enumerate(loader):
        images, labels = images.to(device), labels.to(device)  # 有 GPU 就移到 GPU 上
        loss = F.cross_entropy(model(images), labels)          # 前向计算，求损失
        optimizer.zero_grad()                                  # 清掉旧梯度
        loss.backward()                                        # 反向传播，求新梯度
        optimizer.step()                                       # 更新参数
        if step % 300 == 0:
            print(f"  step {step} of {len(loader)}, loss {loss.item():.3f}")


@torch.inference_mode()                                        # 测试不用算梯度
def test(model, loader):
    """返回认对的图片所占的比例。"""
    model.eval()
    correct = 0
    for images, labels in loader:
        answers = model(images.to(device)).argmax(dim=1)       # 分数最高的那个数字
        correct += (answers == labels.to(device)).sum().item()
    return correct / len(loader.dataset)                       # 按图片数平均，而不是按批次


def prepare(path):
    """把图片变成 MNIST 的样子：黑底白字，装进 20×20，质心放在正中。"""
    picture = Image.open(path).convert("L")
    picture.thumbnail((300, 300))
    paper = picture.filter(ImageFilter.GaussianBlur(20))       # 每个像素周围的亮度，也就是纸
    dark = ImageChops.subtract(paper, picture)                 # 白纸黑字
    light = ImageChops.subtract(picture, paper)                # 黑底白字
    picture = ImageOps.autocontrast(max(dark, light, key=lambda image: image.getextrema()[1]))
    picture = picture.point(lambda grey: grey if grey > 127 else 0)  # 浅的是噪声
    picture = ImageOps.contain(picture.crop(picture.getbbox()), (20, 20))
    ink = transforms.functional.to_tensor(ImageOps.autocontrast(picture))[0]
    rows, columns = ink.sum(1), ink.sum(0)
    y, x = (round(float((part * torch.arange(len(part))).sum() / part.sum()))
            for part in (rows, columns))                       # 质心
    canvas = Image.new("L", (28, 28))
    canvas.paste(transforms.functional.to_pil_image(ink), (14 - x, 14 - y))
    return canvas


@torch.inference_mode()
def predict(model, path):
    """返回图片里的数字，以及网络的置信度。"""
    model.eval()
    batch = transform(prepare(path)).unsqueeze(0)              # (1, 1, 28, 28)
    confidence, digit = model(batch.to(device)).softmax(dim=1)[0].max(dim=0)
    return digit.item(), confidence.item()


def main():
    """训练，测试，保存。"""
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
    print(f"test accuracy {test(model, test_loader):.2%}")     # 测试集只在最后用一次
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
