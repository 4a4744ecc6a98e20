"""Everything that a cluster, or a folder, holds already, judged as if it were created today."""
