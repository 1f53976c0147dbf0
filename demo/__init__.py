"""What can Dubroom be tried on without a CAMB.AI key? A stand-in server with sample dubs."""
