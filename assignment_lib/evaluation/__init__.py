"""What a network says about images, and how right it is."""
