"""How much a linear layer finds in the features of an encoder that stays as it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pcrl.config import Classification
from pcrl.evaluation.classify import History, Images, Show, Task, features, finite, history_of
from pcrl.evaluation.early_stopping import EarlyStopping, masked_loss
from pcrl.evaluation.image_batches import shuffled
from pcrl.models.classifier import Classifier

_SMALLEST_DEVIATION = 1e-6
"""Features that vary less than this do not vary."""


def probe(
    model: Classifier,
    images: Images,
    task: Task,
    settings: Classification,
    seed: int,
    device: torch.device,
    show: Show,
) -> History:
    """Train the linear layer of `model` in place, on features of the middle of each image, computed once.

    The layer learns from features of mean 0 and deviation 1 over the training images, as those of different encoders
    differ in size; afterwards this is put into its weights. The encoder, its statistics included, is left untouched.

    Raises:
        FloatingPointError: the loss became NaN or infinite.
    """
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    train = features(model, images, task.train, device)
    mean, deviation = train.mean(dim=0), train.std(dim=0, correction=0)
    deviation[deviation < _SMALLEST_DEVIATION] = 1
    train = (train - mean) / deviation
    targets = torch.from_numpy(task.targets[task.train])
    validation = torch.zeros(0, train.shape[1])
    if len(task.validation):
        validation = (features(model, images, task.validation, device) - mean) / deviation
    layer = nn.Linear(train.shape[1], task.targets.shape[1])
    layer.load_state_dict({name: value.cpu() for name, value in model.classifier.state_dict().items()})
    stopping = EarlyStopping(layer, task.targets[task.validation], task.scored, settings.patience)
    losses = _train(layer, train, targets, validation, stopping, settings, seed, show)
    history = history_of(losses, stopping)
    with torch.no_grad():
        weight = layer.weight / deviation
        model.classifier.weight.copy_(weight)
        model.classifier.bias.copy_(layer.bias - weight @ mean)
    return history


def _train(
    layer: nn.Linear,
    train: Tensor,
    targets: Tensor,
    validation: Tensor,
    stopping: EarlyStopping,
    settings: Classification,
    seed: int,
    show: Show,
) -> list[float]:
    optimizer = torch.optim.Adam(layer.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, settings.halve_every, 0.5)
    everything = torch.arange(len(train)).numpy()
    losses: list[float] = []
    for epoch in range(1, settings.epochs + 1):
        values = []
        for rows in map(torch.from_numpy, shuffled(everything, settings.batch_size, seed, epoch)):
            loss = masked_loss(layer(train[rows]), targets[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            values.append(loss.detach())
        schedule.step()
        losses.append(finite(float(torch.stack(values).mean()), epoch))
        go_on = True
        if len(validation):
            with torch.no_grad():
                go_on = stopping.better_is_near(epoch, layer(validation).double().numpy())
        show(epoch, losses[-1], stopping.history[-1][1] if stopping.history else None)
        if not go_on:
            break
    return losses
