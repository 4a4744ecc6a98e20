// What a CronJob does with its schedule: the version that Kubernetes has.
module stash-admission.test/cron

go 1.21

require (
	github.com/robfig/cron/v3 v3.0.1
)
