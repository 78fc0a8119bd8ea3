"""What a live source is made of: the decoding thread, its slot, the clock, the signs of trouble, the reconnection."""
