"""Measured collectives: what they ran on, which half calibrates, errors of the predictions."""
