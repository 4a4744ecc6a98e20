"""The default alias, written into backups that were stored before there were aliases."""
