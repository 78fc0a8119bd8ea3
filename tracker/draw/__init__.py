"""What an annotated image is made of: colours, lines, trails, text and the places of labels."""
