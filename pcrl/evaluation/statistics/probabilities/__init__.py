"""How good probabilities are beside the order that they give: precision, operating points, calibration."""
