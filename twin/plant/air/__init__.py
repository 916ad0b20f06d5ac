"""The air of a hall in three dimensions, and what it means for the inlets of its racks."""
