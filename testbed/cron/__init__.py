"""The parser and the arithmetic of a CronJob's schedules, robfig/cron, as a program to compare with."""
