"""One kind of asset a file: Params, State, Inputs, Outputs and a pure, exact step."""
