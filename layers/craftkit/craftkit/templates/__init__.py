"""Templates: what a document is made of, its versions, and the data that it takes."""
