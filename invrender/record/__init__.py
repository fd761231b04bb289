"""Records of a fit: the terminal, files, TensorBoard, reports."""
