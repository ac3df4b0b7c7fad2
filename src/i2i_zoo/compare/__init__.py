"""Comparing methods: train what is missing, measure, and write a table, sheets of pictures and loss curves."""
