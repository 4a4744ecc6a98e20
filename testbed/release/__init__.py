"""Programs that judge and carry what is released."""
