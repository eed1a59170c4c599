"""The nodes of trees: a closed set of classes, and their JSON."""
