"""What the product needs of the world, in its own words; `shared.azure` has the adapters."""
