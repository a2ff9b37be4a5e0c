"""The sites that are archived: one file a network, a few lines a site."""
