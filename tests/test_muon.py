import torch
from torch import nn

from mnist_tutorial.recipes.muon import Muon, orthogonalise


def test_orthogonalise_brings_singular_values_near_one():
    torch.manual_seed(0)
    for shape in ((20, 60), (60, 20)):
        matrix = torch.randn(shape)
        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        result = orthogonalise(matrix, rounds=5)
        assert result.shape == shape
        assert torch.linalg.svdvals(result).min() > 0.5 and torch.linalg.svdvals(result).max() < 1.3
        assert ((left.T @ result @ right.T).diagonal() > 0.5).all()  # along the same directions


def test_the_scale_of_the_gradient_does_not_matter():
    matrix = torch.randn(8, 30)
    scaled = orthogonalise(1000 * matrix)
    torch.testing.assert_close(orthogonalise(matrix), scaled, atol=1e-4, rtol=1e-3)


def test_others_take_the_steps_of_adam():
    torch.manual_seed(0)
    ours, theirs = (nn.Linear(5, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    muon = Muon([], ours.parameters(), lr=0.1, momentum=0.9)
    adam = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.9, 0.99))
    for _ in range(5):
        x = torch.randn(7, 5)
        for model, optimizer in ((ours, muon), (theirs, adam)):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_hidden_filters_move_the_same_way_in_all_directions():
    conv = nn.Conv2d(4, 6, 3)
    before = conv.weight.detach().clone()
    optimizer = Muon([conv.weight], [conv.bias], lr=0.5)
    conv(torch.randn(2, 4, 9, 9)).square().sum().backward()
    optimizer.step()
    values = torch.linalg.svdvals((conv.weight.detach() - before).flatten(1)) / 0.5
    assert values.max() < 1.4 and values.min() > 0.05
