"""How the shipped scenes are made: surfaces as patches, textures as paint on them."""
