module stash-admission/bench

go 1.26.0
