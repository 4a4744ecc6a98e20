package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serving is a TLS server, and a worker that calls it.
func serving(t *testing.T, handler http.HandlerFunc, expected expected, fresh bool) *worker {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	address, err := url.Parse(server.URL + "/mutate")
	if err != nil {
		t.Fatal(err)
	}
	made := newWorker(address, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, review(3, true), expected, fresh)
	t.Cleanup(made.close) // before the server, which waits for its connections
	return made
}

func TestAnswersAreReadHoweverTheyAreFramed(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	bodies := map[string]string{"/short": "short", "/long": long, "/chunked": long, "/empty": ""}
	worker := serving(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Ends", "close")
		for body := bodies[r.URL.Path]; body != ""; {
			part := body[:min(len(body), 70_000)]
			body = body[len(part):]
			_, _ = io.WriteString(w, part)
			if r.URL.Path == "/chunked" {
				w.(http.Flusher).Flush()
			}
		}
	}, anything, false)
	for range 3 {
		for path, want := range bodies {
			status, body, err := worker.call([]byte("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
			if err != nil || status != 200 || string(body) != want {
				t.Fatalf("%s: %d, %d bytes, %v", path, status, len(body), err)
			}
			if worker.tls == nil {
				t.Fatalf("%s: the connection was closed", path)
			}
		}
	}
}

func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	for _, answer := range []string{
		"", "HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "HTTP/1.1 200 OK\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
	} {
		read := connection{reader: bufio.NewReader(strings.NewReader(answer))}
		if _, _, err := read.answer(); err == nil {
			t.Errorf("no error: %q", answer)
		}
	}
}

func TestEachCallHasItsOwnNumberEverywhere(t *testing.T) {
	seen := map[string]int{}
	var connections atomic.Int64
	worker := serving(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !json.Valid(body) || bytes.Contains(body, []byte("@")) {
			t.Errorf("not filled in: %s", body)
		}
		var review struct{ Request struct{ UID string } }
		_ = json.Unmarshal(body, &review)
		number := review.Request.UID[len(review.Request.UID)-digits:]
		seen[number]++
		// In two uids, two names, the repository's, and two aliases: the first of three members has none.
		if count := bytes.Count(body, []byte(number)); count != 7 {
			t.Errorf("%d times", count)
		}
		if r.Close {
			connections.Add(1)
		}
		_, _ = io.WriteString(w, `{"response": {"uid": "`+review.Request.UID+`", "allowed": true, "patch": "W10xMjM0NTY="}}`)
	}, allowedBy, true)
	var next atomic.Int64
	worker.run(&next, 5, time.Now().Add(time.Minute))
	if len(seen) != 5 || len(worker.times) != 5 || worker.failed != 0 || connections.Load() != 5 {
		t.Errorf("%v, %d times, %d failed (%s), %d connections", seen, len(worker.times), worker.failed, worker.failure,
			connections.Load())
	}
}

func TestWhatIsNotExpectedIsAFault(t *testing.T) {
	id := []byte("8d5a4b1e")
	good := `{"response":{"uid":"8d5a4b1e","allowed":true,"patch":"W3sib3AiOiJ9XQ=="}}`
	cases := []struct {
		expected expected
		status   int
		body     string
		fault    string
	}{
		{allowedBy, 200, good, ""},
		{allowed, 200, good, ""},
		{allowed, 200, `{"response": {"uid": "8d5a4b1e", "allowed": true}}`, ""},
		{allowedBy, 200, `{"response": {"uid": "8d5a4b1e", "allowed": true}}`, "no patch"},
		{allowed, 200, `{"response": {"uid": "8d5a4b1e", "allowed": false}}`, "not allowed"},
		{allowed, 200, `{"response": {"uid": "8d5a4b1f", "allowed": true}}`, "not the uid"},
		{allowed, 503, good, "status 503"},
		{anything, 200, "", ""},
		{anything, 404, "", "status 404"},
	}
	for _, each := range cases {
		fault := each.expected.fault(each.status, []byte(each.body), id)
		if (fault == "") != (each.fault == "") || !strings.HasPrefix(fault, each.fault) {
			t.Errorf("%+v: %q", each, fault)
		}
	}
}

func TestQuantilesAreOfTheSamples(t *testing.T) {
	times := make([]time.Duration, 1000)
	for index := range times {
		times[index] = time.Duration(index+1) * time.Microsecond
	}
	for part, want := range map[float64]float64{0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		if got := quantile(times, part); got != want {
			t.Errorf("%v: %v, not %v", part, got, want)
		}
	}
}
