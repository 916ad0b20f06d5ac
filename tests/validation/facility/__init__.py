"""Reference cases of the facility, solved by the product: one file a family, named as the family."""
