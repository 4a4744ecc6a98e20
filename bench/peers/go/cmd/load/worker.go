package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"
)

// worker is a connection and the one call that is under way on it.
type worker struct {
	connection
	request  []byte
	places   []int // in the request
	uid      int   // where in the request the review's uid begins
	expected expected
	fresh    bool // a new connection for each call
	times    []time.Duration
	failed   int
	failure  string // the first
	first    time.Duration
}

func newWorker(address *url.URL, config *tls.Config, body []byte, expected expected, fresh bool) *worker {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: application/json\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n", address.RequestURI(), address.Host, len(body))
	if fresh {
		head += "Connection: close\r\n"
	}
	request := append([]byte(head+"\r\n"), body...)
	made := &worker{request: request, places: places(request), expected: expected, fresh: fresh}
	made.uid = bytes.Index(request, []byte(uid(reviewed)))
	made.address, made.config, made.reader = address.Host, config, bufio.NewReaderSize(nil, 1<<16)
	return made
}

// run calls until there are no numbers left or the time is over, whichever is first.
func (w *worker) run(next *atomic.Int64, last int64, until time.Time) {
	for time.Now().Before(until) {
		number := next.Add(1)
		if number > last {
			return
		}
		w.once(number)
	}
}

func (w *worker) once(number int64) {
	fill(w.request, w.places, number)
	sent := time.Now()
	status, body, err := w.call(w.request)
	took := time.Since(sent)
	if w.first == 0 {
		w.first = took
	}
	var fault string
	if err != nil {
		fault = err.Error()
	} else {
		fault = w.expected.fault(status, body, w.request[w.uid:w.uid+len(uid(reviewed))])
	}
	w.times = append(w.times, took)
	if fault != "" {
		w.failed++
		if w.failure == "" {
			w.failure = fault
		}
		time.Sleep(10 * time.Millisecond) // a server that is not there is not asked in a busy loop
	}
	if w.fresh {
		w.close()
	}
}

// forget drops what was measured until now.
func (w *worker) forget() {
	w.times = w.times[:0]
	w.failed, w.failure = 0, ""
}
