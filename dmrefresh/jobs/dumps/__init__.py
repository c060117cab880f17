"""The dumps in the bucket: which one is taken, what speaks against it, whether it is whole."""
