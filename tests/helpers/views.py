"""Views so small that they fit into the virtual bodies of the tests."""

VOLUME_VIEWS = (
    "views.global_boxes=[[16, 24, 24], [16, 16, 16]]",
    "views.lung_limits=[1, 1]",
    "views.margin=[2, 2, 2]",
    "views.global_shape=[8, 16, 16]",
    "views.local_boxes=[[8, 8, 8], [4, 4, 4]]",
    "views.local_shape=[8, 8, 8]",
)
"""Settings of a volume recipe, as `--set` takes them."""
