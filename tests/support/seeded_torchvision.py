"""Torchvision's networks with seeded random weights, where the zoo or torchvision keeps them."""

import torch
import torchvision

from auto_labeling.models import catalog


def place(name, network, folder):
    """The file that torchvision loads, and no other, in the zoo's folder or in its own."""
    weights = catalog.get_model(name).settings["entrypoint_args"]["weights"]
    url = torchvision.models.get_weight(weights).url
    torch.save(network.state_dict(), folder / url.rpartition("/")[2])


def seeded(make):
    """A network with the same random weights each time."""
    torch.manual_seed(51)
    return make().eval()
