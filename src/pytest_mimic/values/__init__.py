"""Values: opened into one tree, identified, stored, compared and drawn."""
