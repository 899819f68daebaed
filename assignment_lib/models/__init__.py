"""Networks: backbones, attribute heads, embeddings, and what is put together from them."""
