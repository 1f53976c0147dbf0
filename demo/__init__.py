"""A stand-in CAMB.AI server with sample dubs, to try Dubroom without a CAMB.AI key."""
