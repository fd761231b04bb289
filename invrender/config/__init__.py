"""From keys and values to what a fit is made of."""
