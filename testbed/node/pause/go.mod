module stash-admission.test/pause

go 1.26.0
