"""The nodes of trees: a closed set of classes, their parts by the steps of paths, and their JSON."""
